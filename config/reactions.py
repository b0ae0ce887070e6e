"""Which tasks react to which fact: the one place where a lower room is heard above."""

REACTIONS: dict[str, tuple[str, ...]] = {
    "apps.catalog.facts.UnitsFreed": ("apps.campaigns.tasks.units_freed",),
    "apps.club.facts.MemberMoved": (
        "apps.club.care.heard_move",
        "apps.club.box_tasks.member_moved",
    ),
    "apps.club.facts.PaymentFailed": ("apps.club.care.heard_failure",),
    "apps.club.facts.PeriodSettled": (
        "apps.club.care.heard_settled",
        "apps.club.box_tasks.period_settled",
    ),
    "apps.club.facts.BoxReady": ("apps.campaigns.tasks.heard_box_ready",),
    "apps.club.facts.PeriodBegan": ("apps.club.box_tasks.period_began",),
    "apps.contacts.facts.ConsentGiven": ("apps.campaigns.tasks.heard_consent",),
    "apps.core.trail.Recorded": ("apps.audit.tasks.write",),
    "apps.loyalty.facts.CardChanged": ("apps.loyalty.tasks.refresh_pass",),
    "apps.loyalty.facts.FirstVisit": ("apps.loyalty.tasks.first_visit",),
    "apps.loyalty.facts.ProgrammeChanged": ("apps.loyalty.tasks.refresh_passes",),
    "apps.loyalty.facts.ReferralGiven": ("apps.campaigns.tasks.heard_referral_given",),
    "apps.loyalty.facts.ReferralJoined": ("apps.campaigns.tasks.heard_referral_joined",),
    "apps.loyalty.facts.RewardRedeemed": ("apps.loyalty.tasks.heard_reward",),
    "apps.loyalty.facts.RewardWon": ("apps.campaigns.tasks.heard_reward",),
    "apps.loyalty.facts.StampAdded": (
        "apps.campaigns.tasks.heard_stamp",
        "apps.loyalty.tasks.heard_movement",
    ),
    "apps.loyalty.facts.StampReturned": ("apps.loyalty.tasks.stamp_returned",),
    "apps.loyalty.facts.StampUndone": (
        "apps.loyalty.tasks.heard_movement",
        "apps.loyalty.tasks.stamp_undone",
    ),
    "apps.loyalty.facts.TierReached": ("apps.campaigns.tasks.heard_tier",),
    "apps.messaging.facts.LateNews": ("apps.campaigns.tasks.recount",),
    "apps.messaging.facts.SendingPaused": ("apps.campaigns.tasks.pause",),
    "apps.messaging.facts.SendingResumed": ("apps.campaigns.tasks.resume",),
    "apps.payments.facts.BuyerMoved": ("apps.club.tasks.heard_buyer",),
    "apps.payments.facts.ChargeMoved": ("apps.invoicing.tasks.charge_moved",),
    "apps.payments.facts.PayoutMoved": ("apps.invoicing.tasks.payout_moved",),
    "apps.payments.facts.PlanBilled": ("apps.invoicing.tasks.invoice_plan",),
    "apps.shops.facts.ShopChanged": (
        "apps.payments.tasks.shop_changed",
        "apps.wallet.tasks.shop_changed",
    ),
}

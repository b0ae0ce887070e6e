"""Which tasks react to which fact: the one place where a lower room is heard above."""

REACTIONS: dict[str, tuple[str, ...]] = {
    "apps.core.trail.Recorded": ("apps.audit.tasks.write",),
    "apps.messaging.facts.LateNews": ("apps.campaigns.tasks.recount",),
    "apps.messaging.facts.SendingPaused": ("apps.campaigns.tasks.pause",),
    "apps.messaging.facts.SendingResumed": ("apps.campaigns.tasks.resume",),
}

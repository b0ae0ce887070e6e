"""Stripe on this machine: stateful, small, in a process of its own or inside a test.

It speaks what ``apps.payments`` asks of the real one (form-encoded ``/v1/``, expansion, lists,
``Stripe-Account``, idempotency keys), shows Checkout, the Billing Portal and Connect's onboarding
in a browser, keeps a clock of its own, and posts signed events until they are taken.

    python -m tests.peers.stripe --port 12111 --books .data/stripe.json \
        --webhook http://localhost:8000/webhooks/stripe/ --secret whsec_…
"""

from tests.peers.stripe.server import FakeStripe, fake_stripe

__all__ = ["FakeStripe", "fake_stripe"]

"""The channels, in the order in which a person is tried: a line each, and a file each."""

CHANNELS: tuple[str, ...] = (
    "apps.messaging.channels.sms.Sms",
    "apps.messaging.channels.email.Email",
    "apps.messaging.channels.whatsapp.WhatsApp",
    "apps.messaging.channels.push.Push",
)

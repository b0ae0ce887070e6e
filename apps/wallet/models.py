"""Passes in people's pockets, and the phones that want to hear of them. Shop's schema."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from apps.core.tokens import new_token


class Pass(models.Model):
    """One pass, whatever wallets hold it. ``face`` is what it shows; it names nobody.

    ``tag`` is drawn anew at each change, from one row of the shop that is locked until the
    commit: who asks « what since 41 » misses nothing that was committed late. ``modified_at`` are
    whole seconds, each change later than the one before, since HTTP dates know nothing finer.
    """

    # Its number in the room above; empty once the code it showed opens nothing any more.
    subject = models.BigIntegerField(unique=True, null=True)
    serial = models.CharField(max_length=22, unique=True, default=new_token)
    secret = models.CharField(max_length=22, default=new_token)  # what a phone proves itself by
    # Whose certificate signs it, for its whole life; empty until an iPhone asks for it.
    pass_type = models.CharField(max_length=120, blank=True)
    face = models.JSONField()
    tag = models.BigIntegerField()
    modified_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tag"], name="pass_by_tag")]

    def __str__(self) -> str:
        return f"Pass {self.pk}"


class Clock(models.Model):
    """The last tag that was drawn. One row."""

    tag = models.BigIntegerField(default=0)
    only = models.BooleanField(default=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["only"], name="one_clock"),
            models.CheckConstraint(condition=models.Q(only=True), name="clock_is_the_only_one"),
        ]

    def __str__(self) -> str:
        return str(self.tag)


class Follower(models.Model):
    """Who is to be told when a pass changes.

    ``due_at`` is when it is to be told; None: it knows. Claimed, that moment is the end of the
    lease. ``wanted`` is the tag it is told of: one that grew meanwhile makes it due again.
    """

    wanted = models.BigIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    hurried = models.BooleanField(default=False)  # somebody has just been stamped
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        abstract = True


class Device(Follower):
    """A phone that holds passes of one type of Apple's."""

    library = models.CharField(max_length=64)
    pass_type = models.CharField(max_length=120)
    push_token = models.CharField(max_length=200)
    registered_at = models.DateTimeField()
    passes: "models.ManyToManyField[Pass, Registration]" = models.ManyToManyField(
        Pass, through="Registration", related_name="devices"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["library", "pass_type"], name="one_device_per_type")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["-hurried", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="device_to_tell",
            )
        ]

    def __str__(self) -> str:
        return f"Device {self.pk}"


class Registration(models.Model):
    """This phone holds this pass."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="registrations", db_index=False)
    held = models.ForeignKey(Pass, models.CASCADE, related_name="registrations")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "held"], name="one_registration_each")
        ]

    def __str__(self) -> str:
        return f"{self.device_id}:{self.held_id}"


class GoogleObject(Follower):
    """The pass as Google keeps it, under an issuer's name; Google tells the phones.

    ``told`` are the moments of the last notices, of which Google allows three in 24 hours.
    """

    held = models.OneToOneField(Pass, models.CASCADE, related_name="google")
    issuer = models.CharField(max_length=24)
    told = models.JSONField(default=list)  # seconds since 1970
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["-hurried", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="object_to_tell",
            )
        ]

    def __str__(self) -> str:
        return f"GoogleObject {self.pk}"

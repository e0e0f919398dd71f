"""What the API says of calls of the host's tools, and takes as a decision on one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from chatsite.api.fields import FlagField


class ApprovalSerializer(serializers.Serializer[Any]):
    """A call of a tool that waits for you: send its `call_id` and your decision to `url`."""

    call_id = serializers.UUIDField()
    tool = serializers.CharField()
    title = serializers.CharField(help_text="What readers see the tool called.")
    arguments = serializers.DictField()
    expires_at = serializers.DateTimeField(help_text="Until when it may be confirmed.")
    url = serializers.CharField()


class DecisionSerializer(serializers.Serializer[Any]):
    """What you decide of a call that waits."""

    call_id = serializers.UUIDField(help_text="As `approvals` names it.")
    approved = FlagField(help_text="false: it is not done, and the answer goes on without it.")


class TraceToolSerializer(serializers.Serializer[Any]):
    """One call of a tool of the site; what with and what it gave is its reader's alone."""

    tool = serializers.CharField()
    state = serializers.CharField(
        help_text="done, failed, refused, …; `cut_off`: it can't be told whether it was done."
    )
    ms = serializers.FloatField()

"""The service desk's other doors: channels of other systems, following and tracking a case.

Touches `channels` and `channel_requests`, and in `outbox` what waits for a channel whose rights were
changed. Reads cases and changes none: whoever registers one there does it by `case`.
"""

"""Every type of steps that a tree may hold, and every prompt that a call may speak by itself."""

from __future__ import annotations

from collections.abc import Collection

from ivr.voice import callback
from ivr.voice.menu import Step
from ivr.voice.steps.announcement import AnnouncementStep
from ivr.voice.steps.branch import BranchStep
from ivr.voice.steps.code import CodeStep
from ivr.voice.steps.county import CountyStep
from ivr.voice.steps.digits import DigitsStep
from ivr.voice.steps.end import EndStep
from ivr.voice.steps.enquiry import EnquiryStep
from ivr.voice.steps.fragment import FragmentStep
from ivr.voice.steps.hour import HourStep
from ivr.voice.steps.menu import MenuStep
from ivr.voice.steps.operator import OperatorStep
from ivr.voice.steps.record import RecordStep
from ivr.voice.steps.resume import ResumeStep
from ivr.voice.steps.review import ReviewStep
from ivr.voice.steps.say import SayStep
from ivr.voice.steps.share import ShareStep
from ivr.voice.steps.status import StatusStep
from ivr.voice.steps.topic import TopicStep
from ivr.voice.steps.tree import TreeStep

# In the order in which a mistake names them.
TYPES: Collection[type[Step]] = (
    MenuStep,
    TopicStep,
    CountyStep,
    DigitsStep,
    RecordStep,
    ReviewStep,
    CodeStep,
    StatusStep,
    OperatorStep,
    HourStep,
    BranchStep,
    ShareStep,
    EnquiryStep,
    ResumeStep,
    SayStep,
    AnnouncementStep,
    FragmentStep,
    TreeStep,
    EndStep,
)

# Spoken by steps themselves, by calls that we place, and by the dialplan.
BUILT_IN = frozenset({"beep", "silence", "pause"}).union(callback.SPEAKS, *(each.SPEAKS for each in TYPES))

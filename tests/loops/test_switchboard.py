"""What the live board, and whoever waits for an operator, hear of Asterisk's queues and trunks."""

from __future__ import annotations

from pathlib import Path

from ivr.asterisk.ami import Ami
from ivr.lab.asterisk import Program
from ivr.loops.switchboard import Switchboard
from tests.fixtures.hotline import running_pbx

HIS, OURS = "Local/111@seda111-inbound", "Local/s@seda111-demo"


async def test_who_serves_another_queue_of_the_pbx_is_no_operator_of_ours(
    programs: tuple[Program, Program], stand_ins: Path
) -> None:
    async with running_pbx(programs, stand_ins) as pbx:
        with (pbx.settings.state_path / "asterisk" / "etc" / "queues.conf").open("a") as queues:
            queues.write(f"\n[tax-office]\nmember => {HIS}\n")
        pbx.console("queue reload all", f"queue add member {OURS} to operators")
        settings = pbx.settings.ami
        ami = Ami(settings.host, settings.port, settings.username, pbx.secrets.ami)
        try:
            await ami.connect()
            seen = [await Switchboard(ami).queue(name) for name in ("operators", "tax-office", "none")]
        finally:
            await ami.close()
    names = [[operator.name for operator in queue.operators] for queue in seen]
    assert names == [[OURS], [HIS], []]

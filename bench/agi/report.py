"""Bench (a)'s table, and the targets it is held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan, nan

from rich.console import Console
from rich.table import Table

Figures = dict[str, float]
Found = Mapping[str, Mapping[str, Figures]]

# Server CPU per call as a multiple of the C floor's; calls per second as a multiple of panoramisk's.
MOST_TIMES_FLOOR = {"100": 2.5, "1000": 2.2, "5000": 2.2}
LEAST_TIMES_PANORAMISK = {"100": 1.5, "1000": 2.3}
MOST_PACED_MS, MOST_IDLE_MB = 15.0, 100.0
# Of the whole product, a call; set before anything was measured. µs of processor, statements, milliseconds.
MOST_PRODUCT = {"cpu_us": 1_200.0, "times_floor": 8.0, "with_pump_us": 1_600.0, "postgresql_us": 800.0}
MOST_STATEMENTS, MOST_ROUTED_MS = 10.0, 500.0
SERVERS, PRODUCT = ("floor", "ours", "panoramisk", "pystrix", "zaf"), "product"
LATE = "late"  # the round of the product whose replies come as late as prompts make them


CHANNEL = "channel"  # what `show` shows unless it is the product's part


def show(found: Found, part: str = CHANNEL, quietly: bool = False) -> bool:
    """Print it, unless `quietly`: then what was missed, to stderr. Whether that part's targets are met."""
    console = Console(width=max(130, Console().width), stderr=quietly)
    for table in () if quietly else _tables(found, part):
        console.print(table)
    judged = list(targets(found, part))
    for text, met in judged if not quietly else [each for each in judged if not each[1]]:
        console.print(f"[{'green' if met else 'red'}]{'met   ' if met else 'MISSED'}[/] {text}")
    return all(met for _, met in judged)


def _tables(found: Found, part: str) -> Iterator[Table]:
    if part == PRODUCT:
        yield _product(found)
        return
    yield _loads(found)
    if "paced" in found:
        yield _paced_and_idle(found)


def _product(found: Found) -> Table:
    table = Table(title="The whole product: `ivr serve` and PostgreSQL, calls of the real menu, 8 s of words")
    for column in ("at once", "calls/s", "commands", "CPU µs a call", "× C floor", "with the pump"):
        table.add_column(column, justify="right")
    for column in ("PostgreSQL µs", "statements", "command p99 ms", "routed p50 ms", "p99 ms", "failed"):
        table.add_column(column, justify="right")
    for mode, f in found[PRODUCT].items():
        table.add_row(
            mode, f"{f['calls_s']:,.0f}", f"{f['commands']:.0f}", f"{f['cpu_us']:,.0f}", _floors(found, mode),
            f"{f['with_pump_us']:,.0f}", f"{f['postgresql_us']:,.0f}", f"{f['statements']:.1f}",
            f"{f['command_ms_p99']:,.1f}", f"{f['routed_ms_p50']:,.0f}", f"{f['routed_ms_p99']:,.0f}",
            f"{f['failed'] + f['lost']:.0f}",
        )  # fmt: skip
    return table


def _floors(found: Found, mode: str) -> str:
    floor = found.get(mode, {}).get("floor")
    return f"{found[PRODUCT][mode]['cpu_us'] / floor['cpu_us']:.1f}" if floor else "–"


def _of_product(found: Found) -> Iterator[tuple[str, bool]]:
    for mode, f in found[PRODUCT].items():
        failed = f["failed"] + f["lost"]
        yield f"the product at {mode}: {failed:.0f} calls failed or have no case, at most 0", failed == 0
        if mode == LATE:
            p99 = f["routed_ms_p99"]
            yield (
                f"words safe → routed p99: {p99:.0f} ms, less than {MOST_ROUTED_MS:.0f}",
                p99 < MOST_ROUTED_MS,
            )
            continue
        floor = found.get(mode, {}).get("floor", {}).get("cpu_us", nan)
        told = f | {"times_floor": f["cpu_us"] / floor}
        for name, most in MOST_PRODUCT.items():
            if not isnan(told[name]):
                text = f"the product at {mode}, {_NAMED[name]}: {told[name]:,.1f}, at most {most:,.0f}"
                yield text, told[name] <= most
        statements = f["statements"]
        good = statements <= MOST_STATEMENTS
        yield (
            f"the product at {mode}, statements a call: {statements:.1f}, at most {MOST_STATEMENTS:.0f}",
            good,
        )


_NAMED = {
    "cpu_us": "µs a call where calls are carried",
    "times_floor": "× the C floor",
    "with_pump_us": "µs a call with the pump",
    "postgresql_us": "µs a call in PostgreSQL",
}


def _loads(found: Found) -> Table:
    table = Table(title="20 commands a call, calls at once, one process on one core (medians)")
    for column in ("at once", "server", "calls/s", "× panoramisk", "CPU µs a call", "× C floor"):
        table.add_column(column, justify="left" if column == "server" else "right")
    for column in ("command p50 ms", "p99 ms", "first p99 ms", "failed"):
        table.add_column(column, justify="right")
    for mode in (m for m in found if m.isdigit()):
        for name, f in found[mode].items():
            table.add_row(
                mode, name, f"{f['calls_s']:,.0f}", _times(found, mode, name, "panoramisk", "calls_s"),
                f"{f['cpu_us']:.0f}", _times(found, mode, name, "floor", "cpu_us"),
                f"{f['command_ms_p50']:.2f}", f"{f['command_ms_p99']:.2f}", f"{f['first_ms_p99']:.1f}",
                f"{f['failed']:.0f}",
            )  # fmt: skip
        table.add_section()
    return table


def _paced_and_idle(found: Found) -> Table:
    table = Table(title="5,000 calls, each reply 250 ms late; 10,000 calls held idle")
    for column in ("server", "commands/s", "command p50 ms", "p99 ms", "core used", "failed"):
        table.add_column(column, justify="left" if column == "server" else "right")
    for column in ("idle MB", "× panoramisk", "finished of 10,000"):
        table.add_column(column, justify="right")
    for name, p in found["paced"].items():
        idle = found["idle"][name]
        table.add_row(
            name, f"{p['commands_s']:,.0f}", f"{p['command_ms_p50']:.2f}", f"{p['command_ms_p99']:.1f}",
            f"{p['cpu']:.2f}", f"{p['failed']:.0f}", f"{idle['mb']:.1f}",
            _times(found, "idle", name, "panoramisk", "mb"), f"{idle['finished']:.0f}",
        )  # fmt: skip
    return table


def _ratio(found: Found, mode: str, name: str, to: str, key: str) -> float | None:
    other = found[mode].get(to, {}).get(key, 0.0)
    return found[mode][name][key] / other if other else None


def _times(found: Found, mode: str, name: str, to: str, key: str) -> str:
    ratio = _ratio(found, mode, name, to, key)
    return "–" if ratio is None else f"{ratio:.2f}"


def targets(found: Found, part: str) -> list[tuple[str, bool]]:
    """Each target of that part in words, with our figure, and whether it is met."""
    if part == PRODUCT:
        return list(_of_product(found))
    return _of_channel(found) if "ours" in found.get("paced", {}) else []


def _of_channel(found: Found) -> list[tuple[str, bool]]:
    judged = []
    for mode, most in MOST_TIMES_FLOOR.items():
        if (ratio := _ratio(found, mode, "ours", "floor", "cpu_us")) is not None:
            judged.append((f"CPU a call at {mode}: {ratio:.2f} × the C floor, at most {most}", ratio <= most))
    for mode, least in LEAST_TIMES_PANORAMISK.items():
        if (ratio := _ratio(found, mode, "ours", "panoramisk", "calls_s")) is not None:
            judged.append((f"calls/s at {mode}: {ratio:.2f} × panoramisk, at least {least}", ratio >= least))
    p99, mb = found["paced"]["ours"]["command_ms_p99"], found["idle"]["ours"]["mb"]
    judged.append((f"paced command p99: {p99:.1f} ms, at most {MOST_PACED_MS:.0f}", p99 <= MOST_PACED_MS))
    judged.append((f"10,000 idle calls: {mb:.1f} MB, at most {MOST_IDLE_MB:.0f}", mb <= MOST_IDLE_MB))
    failed = sum(figures["ours"]["failed"] for figures in found.values())
    judged.append((f"our calls that failed: {failed:.0f}, at most 0", failed == 0))
    return judged

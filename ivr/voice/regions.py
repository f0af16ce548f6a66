"""What a search for simple paths asks of a graph: order, what stands before what, what goes round.

A graph is every node with those that follow it; all of it here is near linear in nodes and ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Graph = Mapping[str, Collection[str]]
ROOT = ""  # no step's name: what stands before all entries


def walkable(graph: Graph, entries: Collection[str]) -> dict[str, list[str]]:
    """The part that is reached from the entries, after ROOT, less the ways that no simple path takes.

    Such a way leads to a node that every path to its beginning has come through.
    """
    rooted = {ROOT: entries, **graph}
    order = _ending(rooted, [ROOT])[::-1]
    place, ends = _shares(_before(rooted, order), order)
    return {node: [to for to in rooted[node] if not place[to] <= place[node] < ends[to]] for node in order}


def in_order(graph: Graph) -> list[list[str]]:
    """All nodes, each after those that lead to it; nodes that lead round to each other stand together."""
    back: dict[str, list[str]] = {node: [] for node in graph}
    for node, onward in graph.items():
        for to in onward:
            back[to].append(node)
    seen: set[str] = set()
    return [_ending(back, [node], seen) for node in _ending(graph, graph)[::-1] if node not in seen]


def loops(graph: Graph) -> list[list[str]]:
    """Loops, no node in two of them, so that without their nodes nothing goes round any more."""
    found: list[list[str]] = []
    left = {node: iter(onward) for node, onward in graph.items()}  # each way is looked at once
    gone: set[str] = set()  # into a loop, or past all that it leads to
    for root in graph:
        path = dict.fromkeys([root] if root not in gone else [])
        while path:
            node = next(reversed(path))
            to = next((to for to in left[node] if to not in gone), None)
            if to is None:
                gone.add(node)
                path.popitem()
            elif to in path:
                loop = [path.popitem()[0]]
                while loop[-1] != to:
                    loop.append(path.popitem()[0])
                found.append(loop[::-1])
                gone.update(loop)
            else:
                path[to] = None
    return found


def _ending(graph: Graph, roots: Iterable[str], seen: set[str] | None = None) -> list[str]:
    """What is reached from the roots and not `seen`, each after all that it leads to."""
    seen, found = set() if seen is None else seen, []
    for root in roots:
        path = [(root, iter(graph[root]))] if root not in seen else []
        seen.add(root)
        while path:
            node, onward = path[-1]
            for to in onward:
                if to not in seen:
                    seen.add(to)
                    path.append((to, iter(graph[to])))
                    break
            else:
                found.append(node)
                path.pop()
    return found


def _before(graph: Graph, order: list[str]) -> dict[str, str]:
    """The last node that every path to a node comes through (Cooper, Harvey, Kennedy).

    `order`: each node before what follows it, but where ways lead back.
    """
    rank = {node: n for n, node in enumerate(order)}
    coming: dict[str, list[str]] = {node: [] for node in order}
    for node in order:
        for to in graph[node]:
            coming[to].append(node)
    before: dict[str, str] = {ROOT: ROOT}
    changed = True
    while changed:
        changed = False
        for node in order[1:]:
            found = _common(before, rank, [other for other in coming[node] if other in before])
            changed |= before.get(node) != found
            before[node] = found
    return before


def _common(before: Mapping[str, str], rank: Mapping[str, int], nodes: list[str]) -> str:
    """The last that all their paths come through; what was climbed once is not climbed again."""
    seen: set[str] = set()
    found = nodes[0]
    for node in nodes[1:]:
        while node not in seen and node != found:
            if rank[node] > rank[found]:
                seen.add(node)
                node = before[node]
            else:
                seen.add(found)
                found = before[found]
    return found


def _shares(before: Mapping[str, str], order: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Each node's place, and where the places end of those that come only through it."""
    size = dict.fromkeys(order, 1)
    for node in reversed(order[1:]):
        size[before[node]] += size[node]
    place, free = {ROOT: 0}, {ROOT: 1}
    for node in order[1:]:
        place[node] = free[before[node]]
        free[before[node]] += size[node]
        free[node] = place[node] + 1
    return place, {node: place[node] + size[node] for node in order}

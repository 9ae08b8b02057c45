"""From the config to what the store asks: how an entry is shown, and which categories it is in. Pure.

An entry's own categories, with the tags that are somebody's aliases, become ours; the rules of its source take it or
not, change it, and may send it elsewhere. Then the rules of everything and of each category down to its own let it in;
a virtual category shows what is in others, as far as its own rules let it in. What rules of a category change, they
change where that category is published.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

from aggregator.config import Config
from aggregator.matching import fold, fold_path, spelled
from aggregator.model import CategoryPath, Item, Match, Rule, Shelf, Source
from aggregator.rules import Context, Step, Verdict, apply, decides, steps
from aggregator.values import MAX_LEVELS


def view(config: Config) -> "View":
    """The view that a config gives."""
    return View(
        {source.key: source for source in config.sources}, config.shelves, config.site.title, config.site.timezone
    )


@dataclass(frozen=True)
class View:
    """How entries are shown. `sources` are by their key, `shelves` by their path; `zone` is that of the site."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    shelves: Mapping[CategoryPath, Shelf] = field(default_factory=dict)
    title: str = ""
    zone: str = "UTC"

    # --- What the store asks ----------------------------------------------------------------------------------------

    def item(self, source_key: str, item: Item, first_seen: datetime, title: str = "") -> Item | None:
        """An entry of a source as the rules leave it, its `categories` those that it goes to; None: not taken.

        `title` is what its feed calls itself, which counts where the config has no title for it.
        """
        return self._of_source(source_key, item, first_seen, title).item

    def places(self, item: Item, paths: Collection[CategoryPath], first_seen: datetime) -> Mapping[CategoryPath, bool]:
        """The categories that show an entry (as `item` gave it) which is put into `paths`: True for those that it is
        put into, False for those above and virtual ones."""
        if not self._picks:
            return _with_above(frozenset(paths))
        found: dict[CategoryPath, bool] = {}
        for path in sorted(paths) or [()]:
            if self._refusal(path, item, paths, first_seen) is None:
                found |= {above: found.get(above, False) for above in _above(path)}
                found[path] = path in paths
        for shelf in self._virtual:
            if self._shows(shelf, found) is not None and self._judged(shelf, item, paths, first_seen).item:
                found.setdefault(shelf.path, False)
        return found

    def zone_of(self, source_key: str, item: Item) -> str:
        """Where the day of an entry is the one to show: that of the site; of a day without a clock its source's, as it
        lies within that day there."""
        source = self.sources.get(source_key)
        return source.zone if source and item.day_only else self.zone

    def entry(self, path: CategoryPath, item: Item, first_seen: datetime) -> Item:
        """An entry as the documents of a category show it."""
        if not self._change:
            return item
        shelves = (self._shelf(above) for above in (*_above(path), path))
        order = [step for shelf in shelves if shelf for step in self._steps(shelf) if not decides(step[1])]
        paths = (path, *(each for each in item.categories if each != path))
        return apply(order, item, Context(first_seen, paths, zone=self.zone)).item or item

    def source_print(self, source_key: str) -> str:
        """Changes exactly when what the rules make of a source's entries can change; "" where there are none."""
        source = self.sources.get(source_key)
        if not source or not _has_a_say(source):
            return ""
        policy = source.policy
        named = any("{source}" in rule.title for rule in policy.rules)
        dated = any("{date}" in rule.title for rule in policy.rules)
        name = _name(source, self.title) if named else ""
        return _print(policy.rules, policy.content, policy.images, name, source.zone if dated else "")

    @cached_property
    def routing_print(self) -> str:
        """Changes exactly when the categories of entries can change; "" where the config says nothing of them."""
        said = [
            (shelf.path, sorted(shelf.aliases), sorted(shelf.of), [rule for rule in shelf.rules if decides(rule)])
            for shelf in sorted(self.shelves.values(), key=lambda shelf: shelf.path)
        ]
        return _print(said) if said else ""

    # --- Why --------------------------------------------------------------------------------------------------------

    def explain_item(self, source_key: str, item: Item, first_seen: datetime, title: str = "") -> tuple[str, ...]:
        """What `item` does to an entry, in words; nothing where it is shown as it came."""
        return self._of_source(source_key, item, first_seen, title).said

    def explain_places(self, item: Item, paths: Collection[CategoryPath], first_seen: datetime) -> tuple[str, ...]:
        """Why an entry is in each category, and why it is not in those that it could be in."""
        return tuple(self._reasons(item, paths, first_seen))

    def _reasons(self, item: Item, paths: Collection[CategoryPath], first_seen: datetime) -> Iterator[str]:
        places = self.places(item, paths, first_seen)
        for path in sorted(paths) or [()]:
            refusal = self._refusal(path, item, paths, first_seen)
            if refusal is not None:
                yield f"not in {spelled(path)}: {refusal}"
        for path, leaf in sorted(places.items()):
            shelf = self._shelf(path)
            if leaf:
                yield f"in {spelled(path)}: it is put there"
            elif shelf and shelf.of:
                yield f"in {spelled(path)}: it is in {spelled(self._shows(shelf, places) or ())}"
            else:
                below = next((each for each in sorted(paths) if each in places and each[: len(path)] == path), ())
                yield f"in {spelled(path)}: " + (f"it is in {spelled(below)}" if below else "every entry is")
        for shelf in self._virtual:
            if self._shows(shelf, places) is not None and shelf.path not in places:
                yield f"not in {spelled(shelf.path)}: {self._judged(shelf, item, paths, first_seen).said[-1]}"

    # --- A source's rules -------------------------------------------------------------------------------------------

    def _of_source(self, source_key: str, item: Item, first_seen: datetime, title: str) -> Verdict:
        item, moved = self._aliased(item)
        source = self.sources.get(source_key)
        if not source or not _has_a_say(source):
            return Verdict(item, moved)
        context = Context(
            first_seen,
            item.categories,
            source=(item.feed.title if item.feed else "") or source.title or title or _name(source, self.title),
            zone=source.zone,
            content=source.policy.content,
            images=source.policy.images,
        )
        verdict = apply(steps(map(self._meaning, source.policy.rules), "source rule"), item, context)
        found = verdict.item
        if found and found.categories != item.categories:  # routed
            found = replace(found, categories=tuple(dict.fromkeys(self.meant(path) for path in found.categories)))
        return Verdict(found, (*moved, *verdict.said))

    def _aliased(self, item: Item) -> tuple[Item, tuple[str, ...]]:
        """An entry in our categories: those that its own paths mean, and those that its tags are aliases of."""
        said = []
        ours: dict[CategoryPath, None] = {}
        for path in item.categories:
            meant = self.meant(path)
            ours[meant] = None
            if meant != path:
                said.append(f"its category {spelled(path)} is {spelled(meant)}")
        for tag in item.tags if self._words else ():
            for word in (tag.term, tag.label):
                meant = self._words.get(fold(word), ())
                if meant and meant not in ours:
                    ours[meant] = None
                    said.append(f"its tag `{word}` means {spelled(meant)}")
        return (replace(item, categories=tuple(ours)) if said else item), tuple(said)

    def meant(self, path: CategoryPath) -> CategoryPath:
        """A path with the longest beginning that means a category of ours replaced by that one's path."""
        folded = fold_path(path)
        for depth in range(len(path), 0, -1):
            meant = self._meanings.get(folded[:depth])
            if meant:
                return (*meant, *path[depth:])[:MAX_LEVELS]
        return path

    @cached_property
    def _meanings(self) -> Mapping[CategoryPath, CategoryPath]:
        """What a folded path means: each category's own, so that it is spelled as in the config, and its aliases."""
        shelves = self.shelves.values()
        meant = {fold_path(alias): shelf.path for shelf in shelves for alias in shelf.aliases}
        return meant | {fold_path(shelf.path): shelf.path for shelf in shelves if shelf.path}

    @cached_property
    def _words(self) -> Mapping[str, CategoryPath]:
        """What a folded tag means. An alias that is a path is a tag with slashes."""
        return {fold("/".join(alias)): shelf.path for shelf in self.shelves.values() for alias in shelf.aliases}

    # --- A category's rules -----------------------------------------------------------------------------------------

    @cached_property
    def _folded(self) -> Mapping[CategoryPath, Shelf]:
        return {fold_path(path): shelf for path, shelf in self.shelves.items()}

    @cached_property
    def _virtual(self) -> tuple[Shelf, ...]:
        return tuple(shelf for _, shelf in sorted(self.shelves.items()) if shelf.of)

    @cached_property
    def _picks(self) -> bool:
        """Whether it depends on more than where an entry is put which categories show it."""
        return bool(self._virtual) or any(decides(rule) for shelf in self.shelves.values() for rule in shelf.rules)

    @cached_property
    def _change(self) -> bool:
        """Whether any category changes what it shows."""
        return any(not decides(rule) for shelf in self.shelves.values() for rule in shelf.rules)

    def _shelf(self, path: CategoryPath) -> Shelf | None:
        return self._folded.get(fold_path(path))

    def _refusal(
        self, path: CategoryPath, item: Item, paths: Collection[CategoryPath], first_seen: datetime
    ) -> str | None:
        """Why the rules of a category, or of one above it, do not let an entry in; None when they do."""
        for above in (*_above(path), path):
            shelf = self._shelf(above)
            verdict = self._judged(shelf, item, paths, first_seen) if shelf else Verdict(item)
            if not verdict.item:
                return verdict.said[-1] if above == path else f"{spelled(above)} does not take it: {verdict.said[-1]}"
        return None

    def _judged(self, shelf: Shelf, item: Item, paths: Collection[CategoryPath], first_seen: datetime) -> Verdict:
        """Whether the rules of one category let an entry in."""
        order = [step for step in self._steps(shelf) if decides(step[1])]
        return apply(order, item, Context(first_seen, tuple(sorted(paths))))

    def _steps(self, shelf: Shelf) -> tuple[Step, ...]:
        return steps(map(self._meaning, shelf.rules), "rule", f" of {spelled(shelf.path)}")

    def _meaning(self, rule: Rule) -> Rule:
        """A rule with the paths that it asks for in our spelling."""
        said: dict[str, Any] = {}
        for name in ("include", "exclude", "when"):
            match: Match | None = getattr(rule, name)
            if match and match.within:
                said[name] = replace(match, within=tuple(map(self.meant, match.within)))
        return replace(rule, **said) if said else rule

    def _shows(self, shelf: Shelf, places: Iterable[CategoryPath]) -> CategoryPath | None:
        """The first of the categories of an entry that a virtual category shows."""
        wanted = [fold_path(self.meant(path)) for path in shelf.of]
        return next((p for p in sorted(places) if any(fold_path(p[: len(w)]) == w for w in wanted)), None)


def _above(path: CategoryPath) -> Iterable[CategoryPath]:
    """The categories above one, from everything down."""
    return (path[:depth] for depth in range(len(path)))


@lru_cache(maxsize=1000)
def _with_above(paths: frozenset[CategoryPath]) -> Mapping[CategoryPath, bool]:
    """These categories, everything where there are none, and those above them: True for those that were named."""
    found: dict[CategoryPath, bool] = {}
    for path in sorted(paths) or [()]:
        found |= {above: found.get(above, False) for above in _above(path)}
        found[path] = path in paths
    return found


def _has_a_say(source: Source) -> bool:
    """Whether a source's policy can make anything else of its entries than what came."""
    return bool(source.policy.rules) or source.policy.content != "full" or not source.policy.images


def _name(source: Source, site: str) -> str:
    """What a source is called: as the config has it, or its host; a folder of posts is the site's own."""
    return source.title or urlsplit(source.key).hostname or site


def _print(*said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

"""`rsshub://namespace/route`: a route of RSSHub (https://docs.rsshub.app), asked of the first instance that has it."""

from collections.abc import Mapping
from dataclasses import replace

from aggregator.errors import FetchError
from aggregator.model import Fetch, Found, Source, Validators
from aggregator.sources.feed import discovery

SCHEME = "rsshub://"


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """One conditional GET of the instance that answered last time, and on trouble of all others, in their order.

    A document's name is its URL at its instance, so each instance gets its own validators back, and the name in `known`
    is the memory of who is well. One that wants silence is passed over without a request. The owner has named them, and
    each is another host, so a visit may ask all of them. Raises FetchError, which names all that were asked.
    """
    route = source.options.url.removeprefix(SCHEME).lstrip("/")
    if not source.options.mirrors:
        raise FetchError(
            "no instance", f'{source.options.url}: name RSSHub instances: [fetch] rsshub = ["https://..."]'
        )
    addresses = dict.fromkeys(f"{mirror.rstrip('/')}/{route}" for mirror in source.options.mirrors)
    # Headers of a source may be secrets; with several instances nobody knows which of them is to hear these.
    limits = source.limits if len(addresses) == 1 else discovery.without_secrets(source.limits)
    troubles: list[FetchError] = []
    for address in sorted(addresses, key=lambda each: each not in known):
        try:
            document = await fetch(address, known.get(address, Validators()), limits)
        except FetchError as error:
            troubles.append(error)
            continue
        document = replace(document, moved_to="")  # an instance may move, but the route does not
        if document.not_modified:
            return Found(unchanged={address: document.validators}, answer=document)
        if not await discovery.is_page(document):
            document = replace(document, name=address)
            return Found(changed=(document,), answer=document)
        troubles.append(FetchError("not a feed", f"{document.url}: it is a web page"))
    raise _all(troubles)


def _all(troubles: list[FetchError]) -> FetchError:
    """The troubles of all instances as one: the class of the first, and the shortest wait when all ask for one."""
    waits = [trouble.retry_after for trouble in troubles if trouble.retry_after is not None]
    wait = min(waits) if len(waits) == len(troubles) else None
    first, *others = troubles
    return FetchError(first.kind, "; ".join([first.message, *map(str, others)]), wait)

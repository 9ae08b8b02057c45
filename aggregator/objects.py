"""Documents to an object store that speaks S3: what `publish` does in a folder, with one request where bytes differ.

A put is atomic, and conditional on what was there when the run began (RFC 9110 §13.1: If-Match, If-None-Match), so what
somebody else put there stays, and of two workers none replaces what is newer than what it read. Endpoint, region and
keys are those of the environment, by the names that AWS's own tools use.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from aggregator import media, text
from aggregator.errors import AggregatorError
from aggregator.publish import names_us

if TYPE_CHECKING:
    from obstore import Attributes, PutMode
    from obstore.store import S3Store

_TIMEOUT = timedelta(seconds=30)  # for one request
_RETRIES = timedelta(seconds=30)  # after the first failure, for more of the same
_CONNECT = timedelta(seconds=5)
_URL = r"https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[\w.~/-]*)?"
_WORD, _KEY = r"[A-Za-z0-9-]+", r"[!-~]+"
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_SHAPES = {
    **dict.fromkeys(_ENDPOINTS, (_URL, "https://HOST")),
    **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), (_WORD, "the name of a region")),
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), (_KEY, "a key alone")),
}
"""What the environment may say: the library panics at other things."""
_HEAD = 8192
AT_ONCE = 16  # requests


@dataclass(slots=True)
class Known:
    """What a run knows of a bucket, by paths: the ETags of what is `there`, and of what we `sent`, our print and the
    ETag. `is_plain`: the server has no conditional puts; `trouble` is why nothing is asked of it any more. Threads
    share it.
    """

    there: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    is_plain: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Objects below s3://bucket/prefix, the `url`. `types` are media types by file names, `cache_control` is sent with
    all."""

    url: str
    types: Mapping[str, str] = field(repr=False)
    cache_control: str = field(repr=False)
    store: "S3Store" = field(repr=False)
    known: Known = field(repr=False)


def opened(url: str, types: Mapping[str, str], cache_control: str) -> Bucket:
    """A bucket with what is there now, which is one request for 1000 objects. Raises AggregatorError."""
    try:
        import obstore
        from obstore.store import S3Store
    except ImportError:
        raise AggregatorError(f"{url}: needs obstore; install aggregator with its extra: aggregator[s3]") from None
    name, _, prefix = url.removeprefix("s3://").partition("/")
    for variable, (shape, wish) in _SHAPES.items():
        found = os.environ.get(variable)
        wrong = found is not None and not re.fullmatch(shape, found, re.ASCII)
        if wrong or (found and shape == _URL and not text.http_url(found)):
            raise AggregatorError(f"{url}: {variable} in the environment is empty or wrong; write {wish}, or remove it")
    try:
        store = S3Store(
            name,
            prefix=prefix or None,
            client_options={
                "allow_http": any(os.environ.get(each, "").startswith("http://") for each in _ENDPOINTS),
                "timeout": _TIMEOUT,
                "connect_timeout": _CONNECT,
            },
            retry_config={"max_retries": 3, "retry_timeout": _RETRIES},
            disable_bulk_delete=True,  # not every server has it, and it does not say well what stayed
        )
        bucket = Bucket(url, types, cache_control, store, Known())
        for some in obstore.list(store, chunk_size=1000):
            bucket.known.there.update((each["path"], _tag(each["e_tag"])) for each in some)
    except (obstore.exceptions.BaseError, FileNotFoundError, ValueError) as error:
        raise AggregatorError(f"{url}: {_why(error)[0]}") from error
    return bucket


def address(bucket: Bucket, path: str) -> str:
    """The URL of an object."""
    return f"{bucket.url}/{path}"


def is_there(bucket: Bucket, path: str) -> bool:
    """Whether there is an object."""
    return path in bucket.known.there


def holds(bucket: Bucket, path: str, data: bytes) -> bool:
    """Whether these bytes are there already, and are sent as they should be, as far as we put them there."""
    tag = bucket.known.there.get(path)
    return bool(tag) and bucket.known.sent.get(path) == f"{_print(bucket, path, data)} {tag}"


def is_foreign(bucket: Bucket, path: str, data: bytes) -> bool:
    """Whether an object is there that nobody would lose without a word: it neither names us nor holds `data` already.

    Raises AggregatorError when it cannot be looked at.
    """
    if not is_there(bucket, path) or _is_as_sent(bucket, path):
        return False
    found = _head(bucket, path, max(_HEAD, len(data) + 1))
    return found is not None and not names_us(_plain(found)) and not (data and found == data)


def marked(bucket: Bucket, paths: Collection[str]) -> Collection[str]:
    """Those of the paths where an object is that names us. Raises AggregatorError."""
    from concurrent.futures import ThreadPoolExecutor

    there = [path for path in paths if is_there(bucket, path)]
    with ThreadPoolExecutor(AT_ONCE, "object store") as pool:
        foreign = list(pool.map(lambda path: is_foreign(bucket, path, b""), there))
    return [path for path, is_other in zip(there, foreign, strict=True) if not is_other]


def read(bucket: Bucket, path: str) -> bytes:
    """The bytes of an object. Raises AggregatorError."""
    import obstore

    _heed(bucket)
    try:
        return bytes(obstore.get(bucket.store, path).bytes())
    except (obstore.exceptions.BaseError, FileNotFoundError, ValueError) as error:
        _fail(bucket, path, "cannot be read", error)


def write(bucket: Bucket, path: str, data: bytes) -> bool:
    """Put an object unless it is there already, in one request that has effect as a whole or not at all.

    True when it was put. Raises AggregatorError; then what is there stands as it was, but for an answer that was lost.
    """
    if holds(bucket, path, data):
        return False
    _heed(bucket)
    if is_foreign(bucket, path, data):
        why = "was not written by aggregator; move it away, or choose another `output`"
        raise AggregatorError(f"{address(bucket, path)}: {why}")
    tag = _tag(_put(bucket, path, data))
    bucket.known.there[path] = tag
    bucket.known.sent[path] = f"{_print(bucket, path, data)} {tag}" if tag else ""
    return True


def remove(bucket: Bucket, paths: Iterable[str]) -> Mapping[str, str]:
    """Remove objects. Returns why what is still there stays; what somebody else put in our place stays without a word,
    as it is not ours."""
    left = {}
    for path in sorted(path for path in paths if is_there(bucket, path)):
        try:
            if not is_foreign(bucket, path, b""):
                _delete(bucket, path)
        except AggregatorError as error:
            left[path] = str(error)
    return left


def _delete(bucket: Bucket, path: str) -> None:
    import obstore

    _heed(bucket)
    try:
        obstore.delete(bucket.store, path)
    except FileNotFoundError:
        pass
    except (obstore.exceptions.BaseError, ValueError) as error:
        _fail(bucket, path, "cannot be removed, and is still published", error)
    bucket.known.there.pop(path, None)


def _put(bucket: Bucket, path: str, data: bytes) -> str | None:
    """Put an object where what is there is still what was there, and return its ETag."""
    import obstore

    tag = bucket.known.there.get(path)
    mode: PutMode = {"e_tag": f'"{tag}"'} if tag else "overwrite" if path in bucket.known.there else "create"
    attributes = _attributes(bucket, path)
    wishes: tuple[PutMode, ...] = ("overwrite",) if bucket.known.is_plain else (mode, "overwrite")
    for wish in wishes:
        try:
            done = obstore.put(bucket.store, path, data, attributes=attributes, mode=wish, use_multipart=False)
        except (obstore.exceptions.PreconditionError, obstore.exceptions.AlreadyExistsError) as error:
            why = "somebody else has written it since this run began; it stays, and the next run looks again"
            raise AggregatorError(f"{address(bucket, path)}: {why}") from error
        except (obstore.exceptions.BaseError, FileNotFoundError, ValueError) as error:
            if wish == "overwrite" or not _knows_no_conditions(error):
                _fail(bucket, path, "cannot be written", error)
            bucket.known.is_plain = True
        else:
            return done["e_tag"]
    raise AssertionError("the last wish is plain")


def _head(bucket: Bucket, path: str, size: int) -> bytes | None:
    """The first bytes of an object, `size` of them or a few more; None when it is gone."""
    import obstore

    _heed(bucket)
    found = b""
    try:
        for some in obstore.get(bucket.store, path).stream(_HEAD):
            found += bytes(some)
            if len(found) >= size:
                break
    except FileNotFoundError:
        return None
    except (obstore.exceptions.BaseError, ValueError) as error:
        _fail(bucket, path, "cannot be looked at", error)
    return found


def _plain(head: bytes) -> bytes:
    """The beginning of a document; of a compressed one, of what it stands for."""
    if not head.startswith(b"\x1f\x8b"):
        return head[:_HEAD]
    try:
        return zlib.decompressobj(31).decompress(head, _HEAD)
    except zlib.error:
        return b""


def _attributes(bucket: Bucket, path: str) -> "Attributes":
    """What is kept with an object, and sent with it. A compressed copy is the document itself in another coding, which
    every reader undoes (RFC 9110 §8.4): so it can be sent in the document's place."""
    name = path.rpartition("/")[2]
    kind = media.media_type(name.removesuffix(".gz"), bucket.types)
    attributes: Attributes = {"Content-Type": media.content_type(kind), "Cache-Control": bucket.cache_control}
    return attributes | {"Content-Encoding": "gzip"} if name.endswith(".gz") else attributes


def _print(bucket: Bucket, path: str, data: bytes) -> str:
    """What tells one version of an object from another: where it is, how it is sent, its bytes."""
    how = repr((bucket.url, sorted(_attributes(bucket, path).items()))).encode()
    return hashlib.sha256(hashlib.sha256(how).digest() + data).hexdigest()[:32]


def _is_as_sent(bucket: Bucket, path: str) -> bool:
    """Whether an object is, by its ETag, what we put there last."""
    tag = bucket.known.there.get(path)
    return bool(tag) and bucket.known.sent.get(path, "").rpartition(" ")[2] == tag


def _tag(e_tag: str | None) -> str:
    """An ETag without its quotes: not all servers list it with them."""
    return (e_tag or "").strip('"')


# --- Trouble ----------------------------------------------------------------------------------------------------------


def _heed(bucket: Bucket) -> None:
    """Ask nothing of a server that could not be asked a moment ago: a run must not wait a minute for each document."""
    if bucket.known.trouble:
        raise AggregatorError(bucket.known.trouble)


def _fail(bucket: Bucket, path: str, what: str, error: Exception) -> NoReturn:
    why, is_general = _why(error)
    if is_general:
        bucket.known.trouble = bucket.known.trouble or f"{bucket.url}: {why}"
        raise AggregatorError(bucket.known.trouble) from error
    raise AggregatorError(f"{address(bucket, path)}: {what}: {why}") from error


def _knows_no_conditions(error: Exception) -> bool:
    """Whether a server says that it has no conditional puts (RFC 9110 §15.6.2)."""
    return "status code: 501" in str(error)


def _why(error: Exception) -> tuple[str, bool]:
    """What went wrong and what to do about it, and whether it holds for all objects alike."""
    said = str(error).partition("\n\nDebug source")[0]
    found = re.search(r"non-2xx status code: ([0-9]{3}[ A-Za-z-]*)", said)
    status = found[1].strip() if found else ""
    code = re.search(r"<Code>([A-Za-z0-9]{1,60})</Code>", said)
    heard = f"the server says {status} ({code[1]})" if code else f"the server says {status}"
    if "/latest/api/token" in said or re.search("Missing (AccessKeyId|SecretAccessKey)", said):
        return "there are no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", True
    if code and code[1] == "NoSuchBucket":
        return "there is no such bucket; create it, or mend `output`", True
    if status[:3] in ("401", "403"):
        return f"{heard}; look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and at what this key may do", True
    if status[:1] == "3" or (code and code[1] in ("AuthorizationHeaderMalformed", "PermanentRedirect")):
        return f"{heard}; the bucket is elsewhere: set AWS_REGION or AWS_ENDPOINT_URL", True
    if status[:1] == "5" or status[:3] == "429":
        return f"{heard}; the next run tries again", True
    if status:
        return heard, False
    if "invalid path" in said:
        return f"{text.one_line(said, 200)}; somebody's object; move it away, or write a prefix of your own", True
    if "HTTP error" in said or "error sending request" in said:
        return "does not answer; look at AWS_ENDPOINT_URL and AWS_REGION; the next run tries again", True
    return text.masked(text.one_line(said, 200)), True

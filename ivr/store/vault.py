"""Closed recordings in an S3-compatible store, beside the folder where Asterisk records.

The names are those of the books; `.wav` is added. Blocking, for a thread. A recording is read back after it
was put there: a checksum that only some stores look at would prove less.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

PIECE = 1 << 20


class VaultError(Exception):
    """The store does not do what it is asked to; one sentence."""


class Vault:
    """A bucket, or a part of one. All raise VaultError, and FileNotFoundError for what is not there."""

    def __init__(self, url: str, endpoint: str, region: str, key: str, secret: str) -> None:
        """`url`: s3://bucket/prefix. `endpoint` "" = the cloud's own; http:// only where it says so."""
        place = urlsplit(url)
        if place.scheme != "s3" or not place.netloc:
            raise VaultError(f"recordings_store.url must be like s3://bucket/prefix, not {url}")
        more: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        if key:  # else the machine's own role
            more |= {"access_key_id": key, "secret_access_key": secret}
        self._store = S3Store(
            place.netloc,
            prefix=place.path.strip("/") or None,
            region=region,
            client_options={
                "timeout": "60s",
                "connect_timeout": "5s",
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2},
            **more,
        )

    def put(self, name: str, file: IO[bytes], sha256: str) -> None:
        """Keep a recording. Raises VaultError also when it is not there afterwards, or has another hash."""
        try:
            with _sentence(name):
                # In one piece: of one in parts a process that ends leaves parts that no delete finds.
                obstore.put(self._store, f"{name}.wav", file, use_multipart=False)
            there = self.sha256(name)
        except FileNotFoundError as error:  # the bucket may be what is not there
            raise VaultError(f"{error} where it was put") from None
        if there != sha256:
            raise VaultError(f"recording {name} came out of the store with another hash: {there}")

    def size(self, name: str) -> int:
        """In bytes."""
        with self._sure(name):
            return int(obstore.head(self._store, f"{name}.wav")["size"])

    def open(self, name: str) -> IO[bytes]:
        """To be read from the beginning, as a stream."""
        with self._sure(name):
            return cast("IO[bytes]", _Stream(name, obstore.open_reader(self._store, f"{name}.wav")))

    def delete(self, name: str) -> None:
        """No matter whether it is there, for then it succeeds; what is not found is more than that."""
        try:
            with _sentence(name):
                obstore.delete(self._store, f"{name}.wav")
        except FileNotFoundError:
            raise VaultError(f"the recordings' store does not find where to delete {name}") from None

    def check(self) -> None:
        """Whether it answers, has our bucket and lets us in."""
        with suppress(FileNotFoundError), _sentence("is-anybody-there"):
            obstore.get(self._store, "is-anybody-there.wav")

    def is_away(self) -> bool:
        """Whether a failure was the store's own, and not of one recording."""
        try:
            self.check()
        except VaultError:
            return True
        return False

    @contextmanager
    def _sure(self, name: str) -> Iterator[None]:
        """What is not there is a bucket's word: without one a HEAD says the same, and no more."""
        try:
            with _sentence(name):
                yield
        except FileNotFoundError:
            self.check()
            raise

    def sha256(self, name: str) -> str:
        """Of what is there, in hex."""
        stream, digest = self.open(name), hashlib.sha256()
        while piece := stream.read(PIECE):
            digest.update(piece)
        return digest.hexdigest()


class _Stream:
    def __init__(self, name: str, reader: obstore.ReadableFile) -> None:
        self._name, self._reader = name, reader

    def read(self, size: int = PIECE) -> bytes:
        with _sentence(self._name):
            return bytes(self._reader.read(size))


@contextmanager
def _sentence(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise VaultError("the recordings' store fails: it has no such bucket (NoSuchBucket)") from None
        raise FileNotFoundError(f"recording {name} is not in the store") from None
    except (BaseError, OSError) as error:
        words = " ".join(str(error).split("Debug source")[0].split())
        raise VaultError(f"the recordings' store fails: {words[:300]}") from None

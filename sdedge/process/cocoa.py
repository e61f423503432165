"""What only a Mac's own frameworks do, called by ctypes: no nap while pictures are drawn, and a name that is not Python's.

Every call is left out, with a line in the log, where the frameworks are not there. None of it has run on a Mac.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

log = logging.getLogger(__name__)

USER_INITIATED_ALLOWING_SLEEP = 0x00FFFFFF & ~(1 << 20)
"""NSActivityUserInitiatedAllowingIdleSystemSleep, NSProcessInfo.h; the system's own sleep is held off by `awake`."""

Object = int | None
"""An Objective-C object's address."""


class Runtime(Protocol):
    """Objective-C's runtime."""

    def find_class(self, name: str) -> Object: ...

    def send(self, receiver: Object, selector: str, *arguments: Any) -> Object:
        """Sends a message; arguments are objects, or ctypes values."""
        ...


class ObjectiveC:
    """The system's runtime with Foundation loaded. Raises OSError where there is none."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("objc") or "/usr/lib/libobjc.dylib")
        ctypes.CDLL("/System/Library/Frameworks/Foundation.framework/Foundation")
        for name in ("objc_getClass", "sel_registerName"):
            getattr(self._library, name).restype = ctypes.c_void_p
            getattr(self._library, name).argtypes = (ctypes.c_char_p,)

    def find_class(self, name: str) -> Object:
        return self._library.objc_getClass(name.encode())

    def send(self, receiver: Object, selector: str, *arguments: Any) -> Object:
        # Every message has a signature of its own: Apple Silicon passes the arguments of variadic functions elsewhere.
        kinds = [
            type(argument) if isinstance(argument, ctypes._SimpleCData) else ctypes.c_void_p for argument in arguments
        ]
        call = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, *kinds)(
            ("objc_msgSend", self._library)
        )
        return call(receiver, self._library.sel_registerName(selector.encode()), *arguments)


def runtime() -> Runtime | None:
    """Returns the runtime of a Mac; None elsewhere, and where it cannot be loaded."""
    if sys.platform != "darwin":
        return None
    try:
        return ObjectiveC()
    except (OSError, AttributeError) as error:
        log.info("Objective-C cannot be used: %s.", error)
        return None


@contextmanager
def no_nap(why: str) -> Iterator[bool]:
    """While inside, macOS does not slow this process down when its window is hidden. Yields whether that was arranged."""
    objc = runtime()
    if objc is None:
        yield False
        return
    info = objc.send(objc.find_class("NSProcessInfo"), "processInfo")
    options = ctypes.c_uint64(USER_INITIATED_ALLOWING_SLEEP)
    token = objc.send(info, "beginActivityWithOptions:reason:", options, text(objc, why))
    objc.send(token, "retain")
    try:
        yield token is not None
    finally:
        objc.send(info, "endActivity:", token)
        objc.send(token, "release")


def name_process(name: str) -> None:
    """Gives the program a name in the menu bar; Python's is there otherwise. Before the application is made."""
    objc = runtime()
    if objc is None:
        return
    bundle = objc.send(objc.find_class("NSBundle"), "mainBundle")
    # Not the localised one: it may be empty and refuse a key by an exception of Objective-C's, which would end the process.
    facts = objc.send(bundle, "infoDictionary")
    for key in ("CFBundleName", "CFBundleDisplayName"):
        objc.send(facts, "setValue:forKey:", text(objc, name), text(objc, key))


def text(objc: Runtime, string: str) -> Object:
    """Returns an NSString."""
    return objc.send(objc.find_class("NSString"), "stringWithUTF8String:", ctypes.c_char_p(string.encode()))

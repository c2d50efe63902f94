"""Stores blocks until killed, telling of each one after it has been stored: `python kill_me.py DIRECTORY`."""

import sys
from pathlib import Path

from chain.store import ChainStore
from tests.unit.chain.chains import GENESIS, put, transfer


def main() -> None:
    store = ChainStore.open(Path(sys.argv[1]), GENESIS)
    nonce = store.head.number
    while True:
        sealed, _switch = put(store, store.head, [transfer(0, nonce)], meta={b"last": nonce.to_bytes(8, "big")})
        print(sealed.header.number, sealed.hash.hex(), flush=True)
        nonce += 1


if __name__ == "__main__":
    main()

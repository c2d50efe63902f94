// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Lz4} from "./Lz4.sol";
import {StreamReader, Streams} from "./Streams.sol";
import {Strings} from "./Strings.sol";
import {CompactTransaction, TransactionBytes} from "./TransactionBytes.sol";

/// Room for one chunk at a time, with the dictionary of its batch, and how far it has been read.
struct ChunkItems {
    bytes chunk;
    uint256 count; // of all items
    uint256 kinds; // the next item's kind byte, a memory position
    uint256 body; // where bodies are unpacked to
    Streams streams;
    bytes text; // the last string read
    CompactTransaction last; // the last compact transaction read, without its signature
    uint256 compact; // how many there were
    uint256[] fees; // of each, max_priority_fee_per_gas and max_fee_per_gas
}

/// docs/data.md: chunks, codec version 2. Total: whatever the bytes, there is exactly one answer, in bounded gas.
library ChunkCodec {
    using StreamReader for Streams;

    uint256 internal constant CHUNK_BYTES = 2032;
    uint256 internal constant MAX_ITEMS = 63;

    uint8 internal constant VERSION = 2;
    uint8 internal constant SKIP = 0;
    uint8 internal constant BLOCK_START = 1;
    uint8 internal constant TRANSACTION = 2;
    uint8 internal constant FRAGMENT = 3;
    uint8 internal constant LAST_FRAGMENT = 4;

    uint256 private constant HEADER_BYTES = 4;
    uint256 private constant MAX_TAGS = 4096;
    uint256 private constant PAGE_BYTES = 24575;
    uint256 private constant SIGNATURES = 31; // so many have room
    uint256 private constant TRANSFER_GAS = 21000;
    /// Zeros behind the body and behind T: longer than any read that begins at the end, or among K's 63 bytes.
    uint256 private constant MARGIN = 128;
    uint256 private constant WINDOW = 65536; // Lz4.WINDOW, as assembly wants it
    /// LZ4's window, the largest body (8,192), MAX_TAGS, and zeros behind either.
    uint256 private constant ROOM = 78080;

    /// The payload of a BlockStart: seconds after the open block.
    function delta(bytes memory payload) internal pure returns (uint256) {
        assert(payload.length == 8);
        return StreamReader.bytesAt(_content(payload), 8);
    }

    /// Number of items; 0 for an empty chunk.
    function countOf(bytes memory chunk) internal pure returns (uint256 count) {
        assert(chunk.length == CHUNK_BYTES);
        if (StreamReader.bytesAt(_content(chunk), 1) != VERSION) return 0;
        count = StreamReader.bytesAt(_content(chunk) + 1, 1);
        if (count > MAX_ITEMS) count = 0;
    }

    /// Room for chunks packed with `pages`, some 80 KB of memory. One after the other can be loaded into it.
    /// @param pages the batch's dictionary pages
    function room(address[] memory pages) internal view returns (ChunkItems memory items) {
        items.chunk = new bytes(CHUNK_BYTES);
        items.fees = new uint256[](2 * MAX_ITEMS);
        Streams memory s = items.streams;
        s.pages = pages;
        s.known = pages.length == 0 ? 0 : StreamReader.PAGE_ADDRESSES * (pages.length - 1);
        bytes memory text;
        uint256 body;
        assembly ("memory-safe") {
            text := mload(0x40) // strings are read to where the window begins, once it has served
            body := add(text, WINDOW)
            mstore(0x40, add(text, ROOM))
        }
        (items.text, items.body) = (text, body);
        s.text = body - PAGE_BYTES;
        _loadText(pages, s.text);
    }

    /// Loads a chunk of CHUNK_BYTES bytes: unpacks its body and finds its streams. What was loaded before is forgotten.
    function load(ChunkItems memory items, bytes memory chunk) internal pure {
        items.count = countOf(chunk);
        if (items.count == 0) return;
        bytes memory kept = items.chunk;
        assembly ("memory-safe") {
            mcopy(add(kept, 0x20), add(chunk, 0x20), CHUNK_BYTES)
        }
        Streams memory s = items.streams;
        CompactTransaction memory t = items.last;
        (items.compact, t.nonce, t.maxPriorityFee, t.maxFee) = (0, 0, 0, 0);

        uint256 body = items.body;
        _zeros(body - WINDOW, WINDOW - PAGE_BYTES);
        uint256 from = _content(kept) + HEADER_BYTES;
        uint256 size = StreamReader.bytesAt(from - 2, 2);
        uint256 fromEnd = StreamReader.min(from + size, _content(kept) + CHUNK_BYTES);
        uint256 bodyEnd = Lz4.unpack(from, fromEnd, body);
        _zeros(bodyEnd, MARGIN);

        items.kinds = body;
        (uint256 n, uint256 tags) = StreamReader.varint(body + items.count);
        uint256 left = tags < bodyEnd ? bodyEnd - tags : 0;
        n = StreamReader.min(StreamReader.min(n, MAX_TAGS), left);
        s.operandsEnd = bodyEnd;
        s.operands = StreamReader.min(tags + n, bodyEnd);
        // T is read from a copy with zeros behind it, X where it lies.
        s.tags = bodyEnd + MARGIN;
        s.tagsEnd = s.tags + n;
        assembly ("memory-safe") {
            mcopy(add(bodyEnd, MARGIN), tags, n)
        }
        _zeros(s.tagsEnd, MARGIN);
        // The own list, of 2 (4,096 + 63) bytes at most, behind the longest string.
        s.own = s.ownEnd = _content(items.text) + Strings.MAX_SIZE + 32;
    }

    /// Reads over the next `n` items, of which there must be so many.
    function skip(ChunkItems memory items, uint256 n) internal view {
        for (uint256 i = 0; i < n; ++i) {
            _read(items);
        }
    }

    /// The next item, of which there must be one. The payload may be overwritten by the item after it.
    function next(ChunkItems memory items, uint64 chainId) internal view returns (uint8 kind, bytes memory payload) {
        uint256 signature = items.compact;
        uint256 start;
        (kind, start) = _read(items);
        if (kind == BLOCK_START) {
            payload = abi.encodePacked(uint64(start));
        } else if (items.compact != signature) {
            _sign(items, signature);
            payload = TransactionBytes.encode(items.last, chainId);
        } else if (kind != SKIP) {
            payload = items.text;
        }
    }

    /// Reads the next item off the streams.
    /// @return kind of the item
    /// @return seconds_ of a BlockStart
    function _read(ChunkItems memory items) private view returns (uint8 kind, uint256 seconds_) {
        uint256 k = StreamReader.bytesAt(items.kinds++, 1);
        uint256 lane = k & 3;
        if (lane == 1 || lane == 2) {
            _readCompact(items, k);
            return (TRANSACTION, 0);
        }
        if (lane == 3 || k > 4 * 3) return (SKIP, 0);
        if (k == 0) {
            seconds_ = items.streams.tagVarint();
            return (seconds_ == 0 ? SKIP : BLOCK_START, seconds_);
        }
        return (_readString(items) == 0 ? SKIP : uint8(TRANSACTION + (k >> 2) - 1), 0);
    }

    /// The operands of a compact transaction of kind byte `k`.
    function _readCompact(ChunkItems memory items, uint256 k) private view {
        Streams memory s = items.streams;
        CompactTransaction memory t = items.last;
        uint256 j = items.compact++;
        t.legacy = k & 3 == 1;
        if (k & 0x10 == 0) t.nonce = s.operandVarint();
        else t.nonce = j == 0 ? 0 : t.nonce + 1;

        uint256 mode = (k >> 2) & 3;
        if (mode == 3) {
            uint256 back = s.operandByte() + 1;
            if (back > j) (t.maxPriorityFee, t.maxFee) = (0, 0);
            else (t.maxPriorityFee, t.maxFee) = (items.fees[2 * (j - back)], items.fees[2 * (j - back) + 1]);
        } else {
            if (mode == 0) t.maxPriorityFee = s.operandNumber();
            if (mode <= 1) t.maxFee = s.operandNumber();
        }
        (items.fees[2 * j], items.fees[2 * j + 1]) = (t.maxPriorityFee, t.maxFee);

        t.gasLimit = k & 0x80 != 0 ? s.operandNumber() : TRANSFER_GAS;
        t.to = s.operandAccount();
        t.value = k & 0x20 != 0 ? s.operandNumber() : 0;
        if (k & 0x40 != 0) {
            _readString(items);
            t.data = items.text;
        } else {
            t.data = "";
        }
    }

    /// The signature of compact transaction `j`; zero where the chunk has no room for it.
    function _sign(ChunkItems memory items, uint256 j) private pure {
        CompactTransaction memory t = items.last;
        (t.r, t.s, t.yParity) = (0, 0, 0);
        if (j >= SIGNATURES) return;
        uint256 pos = _content(items.chunk) + CHUNK_BYTES - 64 * (j + 1);
        t.r = StreamReader.bytesAt(pos, 32);
        uint256 s = StreamReader.bytesAt(pos + 32, 32);
        (t.s, t.yParity) = (s & (type(uint256).max >> 1), s >> 255);
    }

    /// Reads a string to `items.text`.
    function _readString(ChunkItems memory items) private view returns (uint256 size) {
        bytes memory text = items.text;
        size = Strings.read(items.streams, _content(text));
        assembly ("memory-safe") {
            mstore(text, size)
        }
    }

    function _loadText(address[] memory pages, uint256 text) private view {
        if (pages.length == 0) return _zeros(text, PAGE_BYTES);
        address page = pages[0];
        assembly ("memory-safe") {
            extcodecopy(page, text, 1, PAGE_BYTES) // zeros where the page has ended
        }
    }

    function _zeros(uint256 pos, uint256 size) private pure {
        assembly ("memory-safe") {
            calldatacopy(pos, calldatasize(), size)
        }
    }

    /// Where the bytes lie, a memory position.
    function _content(bytes memory data) private pure returns (uint256 pos) {
        assembly ("memory-safe") {
            pos := add(data, 0x20)
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkCodec, ChunkItems} from "../../src/lib/ChunkCodec.sol";

/// Single items, as a step proof needs them.
library Decoding {
    /// @return count number of items; 0 for an empty chunk
    /// @return kind of item `index`; 0 if there is no such item, or it is a Skip
    /// @return payload of item `index`
    function decode(bytes memory chunk, uint256 index, uint64 chainId, address[] memory pages)
        internal
        view
        returns (uint256 count, uint8 kind, bytes memory payload)
    {
        count = ChunkCodec.countOf(chunk);
        if (index >= count) return (count, ChunkCodec.SKIP, payload);
        ChunkItems memory items = ChunkCodec.room(pages);
        ChunkCodec.load(items, chunk);
        ChunkCodec.skip(items, index);
        (kind, payload) = ChunkCodec.next(items, chainId);
    }

    /// All items of chunks with the same pages, loaded one after the other into the same room.
    function all(bytes[] memory chunks, uint64 chainId, address[] memory pages)
        internal
        view
        returns (uint8[][] memory kinds, bytes[][] memory payloads)
    {
        (kinds, payloads) = (new uint8[][](chunks.length), new bytes[][](chunks.length));
        ChunkItems memory items = ChunkCodec.room(pages);
        for (uint256 c = 0; c < chunks.length; ++c) {
            ChunkCodec.load(items, chunks[c]);
            (kinds[c], payloads[c]) = (new uint8[](items.count), new bytes[](items.count));
            for (uint256 i = 0; i < kinds[c].length; ++i) {
                bytes memory payload;
                (kinds[c][i], payload) = ChunkCodec.next(items, chainId);
                payloads[c][i] = bytes.concat(payload);
            }
        }
    }
}

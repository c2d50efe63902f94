// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Kzg} from "./Kzg.sol";

/// EIP-7594 cell proofs, of the 64 cells that are a blob's own data, over the precompiles of EIP-2537.
///
/// The blob is a polynomial P with commitment C = [P(s)]_1. Cell k holds its values on the coset h W, h = Kzg.point(64 k), W the
/// 64th roots of unity. With I, of degree below 64, through these values, P - I is a multiple of X^64 - h^64; the proof is
/// the quotient's commitment Q:
///
///     e(Q, [s^64]_2) = e(C - [I(s)]_1 + h^64 Q, [1]_2)
library CellProof {
    error Bls12381Missing();
    error CellProofBadLength();
    error ElementNotInField(uint256 index);
    error CommitmentMismatch(bytes32 given, bytes32 expected);
    error CellProofRejected(bytes32 versionedHash, uint256 cell);

    uint256 internal constant ELEMENTS = 64;
    uint256 internal constant CELL_BYTES = 2048;
    /// Bytes of a point of G1: EIP-2537 writes a coordinate as 16 zero bytes and 48.
    uint256 internal constant POINT = 128;

    address internal constant G1_ADD = 0x000000000000000000000000000000000000000b;
    address internal constant G1_MSM = 0x000000000000000000000000000000000000000C;
    address internal constant PAIRING = 0x000000000000000000000000000000000000000F;

    /// An inverse of the 64th root of unity Kzg.ROOT^64, and -1/64, modulo Kzg.MODULUS.
    uint256 private constant INVERSE_ROOT = 0x640d097461a2eeaf4e84b3cd7dc75b61db872ef3dce28e788d28c143168bba2c;
    uint256 private constant MINUS_64TH = 0x01cfb69d4ca675f520cce76020268760154ef6900bfff96ffbfffffffc000000;
    /// (p - 1) / 2 of the field that coordinates are in: its upper 32 bytes and its lower 16.
    uint256 private constant HALF_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66bb23ba5c279c2895fb39869507b587b12;
    uint256 private constant HALF_LOW = 0x0f55ffff58a9ffffdcff7fffffffd555;

    /// Reverts unless `elements` are cell `cell` (0 to 63) of the blob with `versionedHash`.
    /// @param setup a KzgSetup
    /// @param elements 64 field elements, 2,048 bytes
    /// @param commitment the blob's, 128 bytes
    /// @param proof 128 bytes
    function requireCell(
        address setup,
        bytes32 versionedHash,
        uint256 cell,
        bytes memory elements,
        bytes calldata commitment,
        bytes calldata proof
    ) internal view {
        assert(cell < ELEMENTS && elements.length == CELL_BYTES);
        if (commitment.length != POINT || proof.length != POINT) revert CellProofBadLength();
        bytes32 given = hashOf(commitment);
        if (given != versionedHash) revert CommitmentMismatch(given, versionedHash);

        (uint256 inverse, uint256 power) = _shift(Kzg.point(ELEMENTS * cell));
        bytes memory page = _page(setup);
        bytes memory terms = _terms(interpolate(elements), inverse, page, proof, power);
        (bool ok, bytes memory sum) = _call(G1_MSM, terms, POINT); // h^64 Q - [I(s)]_1
        if (ok) (ok, sum) = _call(G1_ADD, bytes.concat(commitment, sum), POINT);
        if (ok) (ok, sum) = _call(PAIRING, _pairs(proof, sum, page), 32);
        if (!ok || bytes32(sum) != bytes32(uint256(1))) revert CellProofRejected(versionedHash, cell);
    }

    /// EIP-4844's versioned hash of a commitment of 128 bytes: of the sha256 of its 48 compressed ones. Whether it is a
    /// point at all is for the precompiles to say.
    function hashOf(bytes calldata commitment) internal pure returns (bytes32) {
        bytes32 x = bytes32(commitment[16:48]);
        bytes16 xLow = bytes16(commitment[48:64]);
        uint256 y = uint256(bytes32(commitment[80:112]));
        uint256 yLow = uint128(bytes16(commitment[112:128]));
        bytes32 flags = bytes32(bytes1(0x80));
        if (y > HALF_HIGH || (y == HALF_HIGH && yLow > HALF_LOW)) flags = bytes32(bytes1(0xa0));
        if (x | xLow == 0 && y | yLow == 0) flags = bytes32(bytes1(0xc0)); // the point at infinity
        bytes32 digest = sha256(abi.encodePacked(x | flags, xLow));
        return digest << 8 >> 8 | bytes32(bytes1(0x01));
    }

    /// The inverse Fourier transform of 64 values in the blob's (bit-reversed) order: 64 h^k times coefficient k at place k.
    /// Reverts if a value isn't below Kzg.MODULUS.
    function interpolate(bytes memory values) internal pure returns (bytes memory a) {
        uint256 modulus = Kzg.MODULUS;
        uint256 bad = ELEMENTS;
        a = new bytes(CELL_BYTES);
        assembly ("memory-safe") {
            let start := add(a, 0x20)
            let end := add(start, CELL_BYTES)
            for { let i := 0 } lt(i, ELEMENTS) { i := add(i, 1) } {
                let value := mload(add(add(values, 0x20), shl(5, i)))
                if iszero(lt(value, modulus)) {
                    bad := i
                    break
                }
                mstore(add(start, shl(5, i)), value)
            }
            // Cooley and Tukey, decimation in time. `half`: bytes of half a block.
            for { let half := 0x20 } lt(half, CELL_BYTES) { half := shl(1, half) } {
                let stride := shl(1, half)
                let root := INVERSE_ROOT
                for { let size := stride } lt(size, CELL_BYTES) { size := shl(1, size) } {
                    root := mulmod(root, root, modulus)
                }
                let twiddle := 1
                for { let first := start } lt(first, add(start, half)) { first := add(first, 0x20) } {
                    for { let i := first } lt(i, end) { i := add(i, stride) } {
                        let j := add(i, half)
                        let even := mload(i)
                        let odd := mulmod(mload(j), twiddle, modulus)
                        mstore(i, addmod(even, odd, modulus))
                        mstore(j, addmod(even, sub(modulus, odd), modulus))
                    }
                    twiddle := mulmod(twiddle, root, modulus)
                }
            }
        }
        if (bad != ELEMENTS) revert ElementNotInField(bad);
    }

    /// 1 / h and h^64, h^4096 being 1.
    function _shift(uint256 h) private pure returns (uint256 inverse, uint256 power) {
        inverse = 1;
        for (uint256 i = 0; i < 12; ++i) {
            if (i == 6) power = h;
            inverse = mulmod(inverse, h, Kzg.MODULUS);
            h = mulmod(h, h, Kzg.MODULUS);
        }
    }

    /// KzgSetup's data: 64 points of G1 of 96 bytes, two of G2 of 192.
    function _page(address setup) private view returns (bytes memory page) {
        page = new bytes(64 * 96 + 2 * 192);
        assembly ("memory-safe") {
            extcodecopy(setup, add(page, 0x20), 1, mload(page))
        }
    }

    /// The 65 pairs of point and scalar that make h^64 Q - [I(s)]_1.
    function _terms(bytes memory a, uint256 inverse, bytes memory page, bytes calldata proof, uint256 power)
        private
        pure
        returns (bytes memory terms)
    {
        terms = new bytes((ELEMENTS + 1) * (POINT + 32));
        uint256 modulus = Kzg.MODULUS;
        assembly ("memory-safe") {
            let to := add(terms, 0x20)
            let from := add(page, 0x20)
            let scale := MINUS_64TH
            for { let i := add(a, 0x20) } lt(i, add(a, 0x820)) { i := add(i, 0x20) } {
                mcopy(add(to, 0x10), from, 0x30)
                mcopy(add(to, 0x50), add(from, 0x30), 0x30)
                mstore(add(to, 0x80), mulmod(mload(i), scale, modulus))
                scale := mulmod(scale, inverse, modulus)
                to := add(to, 0xa0)
                from := add(from, 0x60)
            }
            calldatacopy(to, proof.offset, 0x80)
            mstore(add(to, 0x80), power)
        }
    }

    /// (Q, [s^64]_2) and (sum, -[1]_2).
    function _pairs(bytes calldata proof, bytes memory sum, bytes memory page) private pure returns (bytes memory pairs) {
        pairs = new bytes(2 * (POINT + 256));
        assembly ("memory-safe") {
            let to := add(pairs, 0x20)
            calldatacopy(to, proof.offset, 0x80)
            mcopy(add(to, 0x180), add(sum, 0x20), 0x80)
            let from := add(page, 0x1820) // behind 64 points of G1
            for { let i := 0 } lt(i, 4) { i := add(i, 1) } {
                let coordinate := add(0x90, shl(6, i))
                mcopy(add(to, coordinate), add(from, mul(0x30, i)), 0x30)
                mcopy(add(to, add(0x180, coordinate)), add(from, add(0xc0, mul(0x30, i))), 0x30)
            }
        }
    }

    /// What a precompile answers; not ok if it refuses its input, which takes all the gas it is given.
    function _call(address precompile, bytes memory input, uint256 size) private view returns (bool ok, bytes memory) {
        bytes memory answer = new bytes(size);
        uint256 given;
        assembly ("memory-safe") {
            ok := staticcall(gas(), precompile, add(input, 0x20), mload(input), add(answer, 0x20), size)
            given := returndatasize()
        }
        if (ok && given != size) revert Bls12381Missing(); // nobody there: an L1 before Prague
        return (ok, answer);
    }
}

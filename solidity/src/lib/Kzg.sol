// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// EIP-4844 point evaluations of single field elements of a blob.
library Kzg {
    error KzgBadLength();
    error KzgProofRejected(bytes32 versionedHash, uint256 index);

    address internal constant POINT_EVALUATION = 0x000000000000000000000000000000000000000A;
    uint256 internal constant ELEMENTS = 4096;
    /// Order of the BLS12-381 scalar field.
    uint256 internal constant MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// 7^((MODULUS - 1) / 4096): a primitive 4096th root of unity.
    uint256 internal constant ROOT = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;

    /// Where the blob's polynomial takes the value of element `index`: ROOT^(the 12 bits of `index` reversed).
    function point(uint256 index) internal pure returns (uint256 z) {
        assert(index < ELEMENTS);
        z = 1;
        uint256 power = ROOT;
        for (uint256 bit = 1 << 11; bit != 0; bit >>= 1) {
            if (index & bit != 0) z = mulmod(z, power, MODULUS);
            power = mulmod(power, power, MODULUS);
        }
    }

    /// Reverts unless element `index` of the blob with `versionedHash` is `value`. The precompile also checks that
    /// `commitment` belongs to the hash and that `value` is below MODULUS.
    /// @param commitment 48 bytes
    /// @param proof 48 bytes
    function requireElement(
        bytes32 versionedHash,
        uint256 index,
        bytes32 value,
        bytes calldata commitment,
        bytes calldata proof
    ) internal view {
        if (commitment.length != 48 || proof.length != 48) revert KzgBadLength();
        uint256 z = point(index);
        bool ok;
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore(p, versionedHash)
            mstore(add(p, 0x20), z)
            mstore(add(p, 0x40), value)
            calldatacopy(add(p, 0x60), commitment.offset, 48)
            calldatacopy(add(p, 0x90), proof.offset, 48)
            ok := staticcall(gas(), POINT_EVALUATION, p, 0xc0, p, 0x40)
            // An L1 without the precompile answers nothing: demand its answer.
            ok := and(ok, and(eq(returndatasize(), 0x40), eq(mload(add(p, 0x20)), MODULUS)))
        }
        if (!ok) revert KzgProofRejected(versionedHash, index);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Kzg} from "../src/lib/Kzg.sol";
import {Test} from "./support/Test.sol";

contract KzgHarness {
    function point(uint256 index) external pure returns (uint256) {
        return Kzg.point(index);
    }

    function requireElement(bytes32 hash, uint256 i, bytes32 value, bytes calldata c, bytes calldata p) external view {
        Kzg.requireElement(hash, i, value, c, p);
    }
}

contract KzgTest is Test {
    KzgHarness private kzg = new KzgHarness();
    bytes32 private hash;
    bytes private commitment;
    uint256[] private indices;
    bytes[] private values;
    bytes[] private proofs;

    function setUp() public {
        string memory json = vm.readFile("../tests/vectors/kzg.json");
        hash = vm.parseJsonBytes32(json, "$.elements.versionedHash");
        commitment = vm.parseJsonBytes(json, "$.elements.commitment");
        indices = vm.parseJsonUintArray(json, "$.elements.indices");
        values = vm.parseJsonBytesArray(json, "$.elements.values");
        proofs = vm.parseJsonBytesArray(json, "$.elements.proofs");
    }

    function test_RealOpenings() public view {
        for (uint256 i = 0; i < indices.length; ++i) {
            kzg.requireElement(hash, indices[i], bytes32(values[i]), commitment, proofs[i]);
        }
    }

    function test_RefusesAnotherValueIndexHashOrProof() public {
        for (uint256 i = 0; i < indices.length; ++i) {
            bytes32 value = bytes32(values[i]);
            expectRejected(hash, indices[i]);
            kzg.requireElement{gas: 200000}(hash, indices[i], bytes32(uint256(value) + 1), commitment, proofs[i]);
            uint256 other = reversed(indices[i]);
            if (other == indices[i]) other ^= 1;
            expectRejected(hash, other);
            kzg.requireElement{gas: 200000}(hash, other, value, commitment, proofs[i]);
            expectRejected(~hash, indices[i]);
            kzg.requireElement{gas: 200000}(~hash, indices[i], value, commitment, proofs[i]);
            expectRejected(hash, indices[i]);
            kzg.requireElement{gas: 200000}(hash, indices[i], value, commitment, proofs[(i + 1) % proofs.length]);
        }
    }

    function test_RefusesNonCanonicalValuesAndBadLengths() public {
        bytes32 beyond = bytes32(uint256(bytes32(values[0])) + Kzg.MODULUS);
        expectRejected(hash, indices[0]);
        kzg.requireElement{gas: 200000}(hash, indices[0], beyond, commitment, proofs[0]);
        vm.expectRevert(Kzg.KzgBadLength.selector);
        kzg.requireElement(hash, indices[0], bytes32(values[0]), bytes.concat(commitment, hex"00"), proofs[0]);
        vm.expectRevert(Kzg.KzgBadLength.selector);
        kzg.requireElement(hash, indices[0], bytes32(values[0]), commitment, "");
    }

    /// No precompile, no proof.
    function test_RefusesAnEmptyAnswer() public {
        vm.mockCall(address(0x0a), "", "");
        expectRejected(hash, indices[0]);
        kzg.requireElement(hash, indices[0], bytes32(values[0]), commitment, proofs[0]);
    }

    /// All points are different 4096th roots of unity, in bit-reversed order.
    function testFuzz_Points(uint256 a, uint256 b) public view {
        (a, b) = (a % 4096, b % 4096);
        uint256 power = kzg.point(a);
        assertEq(power, naivePoint(a), "bit-reversed power");
        for (uint256 i = 0; i < 12; ++i) {
            power = mulmod(power, power, Kzg.MODULUS);
        }
        assertEq(power, 1, "root of unity");
        assertTrue(a == b || kzg.point(a) != kzg.point(b), "different");
    }

    function test_PointOutsideTheBlob() public {
        vm.expectRevert();
        kzg.point(4096);
    }

    function expectRejected(bytes32 versionedHash, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(Kzg.KzgProofRejected.selector, versionedHash, index));
    }

    function reversed(uint256 index) private pure returns (uint256 r) {
        for (uint256 i = 0; i < 12; ++i) {
            r |= (index >> i & 1) << (11 - i);
        }
    }

    function naivePoint(uint256 index) private pure returns (uint256 z) {
        z = 1;
        for (uint256 k = reversed(index); k > 0; --k) {
            z = mulmod(z, Kzg.ROOT, Kzg.MODULUS);
        }
    }
}

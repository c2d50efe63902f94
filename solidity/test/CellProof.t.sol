// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {KZG_SETUP_HASH, KzgSetup} from "../src/KzgSetup.sol";
import {CellProof} from "../src/lib/CellProof.sol";
import {Kzg} from "../src/lib/Kzg.sol";
import {CellVectors} from "./support/CellVectors.sol";
import {Test} from "./support/Test.sol";

contract CellHarness {
    address private immutable setup = address(new KzgSetup());

    function requireCell(bytes32 hash, uint256 cell, bytes memory e, bytes calldata c, bytes calldata p) external view {
        CellProof.requireCell(setup, hash, cell, e, c, p);
    }

    function interpolate(bytes memory values) external pure returns (bytes memory) {
        return CellProof.interpolate(values);
    }

    function hashOf(bytes calldata commitment) external pure returns (bytes32) {
        return CellProof.hashOf(commitment);
    }

    function setupHash() external view returns (bytes32) {
        return setup.codehash;
    }
}

/// Cell proofs by c-kzg (tests/vectors/make_cells.py) against the real precompiles.
contract CellProofTest is Test {
    uint256 private constant GAS = 2_000_000;
    CellHarness private cells = new CellHarness();
    string private json = CellVectors.load();
    uint256 private seed = vm.parseJsonUint(json, "$.seed");
    bytes32 private hash;
    bytes private commitment;
    bytes[] private proofs;

    function setUp() public {
        take("random");
    }

    function take(string memory blob) private {
        hash = CellVectors.hashOf(json, blob);
        commitment = vm.parseJsonBytes(json, string.concat("$.", blob, ".commitment"));
        proofs = vm.parseJsonBytesArray(json, string.concat("$.", blob, ".proofs"));
    }

    function noise(uint256 cell) private view returns (bytes memory) {
        return CellVectors.elements(json, cell);
    }

    function set(bytes memory elements, uint256 i, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(add(elements, 0x20), mul(i, 0x20)), value)
        }
    }

    function get(bytes memory elements, uint256 i) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(elements, 0x20), mul(i, 0x20)))
        }
    }

    function reversed(uint256 index) private pure returns (uint256 r) {
        for (uint256 i = 0; i < 6; ++i) {
            r |= (index >> i & 1) << (5 - i);
        }
    }

    function test_SetupIsTheCeremonys() public view {
        assertEq(cells.setupHash(), KZG_SETUP_HASH, "code hash");
    }

    function test_EveryCellOfARandomBlob() public view {
        for (uint256 cell = 0; cell < 64; ++cell) {
            cells.requireCell{gas: GAS}(hash, cell, noise(cell), commitment, proofs[cell]);
        }
    }

    /// Commitments and proofs that are the point at infinity.
    function test_ZeroAndConstantBlobs() public {
        bytes memory elements = new bytes(2048);
        take("zero");
        assertEq(keccak256(commitment), keccak256(new bytes(128)), "commitment at infinity");
        cells.requireCell(hash, 0, elements, commitment, proofs[0]);
        cells.requireCell(hash, 63, elements, commitment, proofs[63]);
        set(elements, 5, 1);
        expectRejected(9);
        cells.requireCell{gas: GAS}(hash, 9, elements, commitment, proofs[9]);

        take("constant");
        for (uint256 i = 0; i < 64; ++i) {
            set(elements, i, seed);
        }
        assertEq(keccak256(proofs[9]), keccak256(new bytes(128)), "proof at infinity");
        cells.requireCell(hash, 0, elements, commitment, proofs[0]);
        cells.requireCell(hash, 9, elements, commitment, proofs[9]);
        expectRejected(9);
        cells.requireCell{gas: GAS}(hash, 9, new bytes(2048), commitment, proofs[9]);

        take("single");
        elements = new bytes(2048);
        cells.requireCell(hash, 7, elements, commitment, proofs[7]);
        set(elements, 0, seed);
        cells.requireCell(hash, 0, elements, commitment, proofs[0]);
    }

    /// Every other cell of the blob, the bit-reversed one among them, is refused with this one's proof.
    function test_RefusesAnotherCell() public {
        for (uint256 cell = 1; cell < 64; cell += 6) {
            bytes memory elements = noise(cell);
            uint256[4] memory others = [reversed(cell), 63 - cell, (cell + 1) % 64, cell ^ 32];
            for (uint256 i = 0; i < 4; ++i) {
                if (others[i] == cell) continue;
                expectRejected(others[i]);
                cells.requireCell{gas: GAS}(hash, others[i], elements, commitment, proofs[cell]);
                expectRejected(others[i]);
                cells.requireCell{gas: GAS}(hash, others[i], elements, commitment, proofs[others[i]]);
            }
        }
        vm.expectRevert();
        cells.requireCell{gas: GAS}(hash, 64, noise(0), commitment, proofs[0]);
    }

    function test_RefusesOtherValues() public {
        bytes memory elements = noise(7);
        for (uint256 i = 0; i < 64; i += 9) {
            uint256 value = get(elements, i);
            set(elements, i, addmod(value, 1, Kzg.MODULUS));
            expectRejected(7);
            cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[7]);
            set(elements, i, value);
        }
        (uint256 a, uint256 b) = (get(elements, 20), get(elements, 21));
        set(elements, 20, b);
        set(elements, 21, a);
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[7]);
        // In the order of the powers of the root of unity, which is not the blob's.
        bytes memory natural = new bytes(2048);
        elements = noise(7);
        for (uint256 i = 0; i < 64; ++i) {
            set(natural, reversed(i), get(elements, i));
        }
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, natural, commitment, proofs[7]);
    }

    /// No element has two forms.
    function test_RefusesElementsOutsideTheField() public {
        bytes memory elements = noise(7);
        uint256[3] memory at_ = [uint256(0), 31, 63];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 value = get(elements, at_[i]);
            uint256[3] memory beyond = [Kzg.MODULUS, type(uint256).max, value];
            unchecked {
                beyond[2] += Kzg.MODULUS; // 2^256 is more than twice the modulus
            }
            for (uint256 k = 0; k < 3; ++k) {
                set(elements, at_[i], beyond[k]);
                vm.expectRevert(abi.encodeWithSelector(CellProof.ElementNotInField.selector, at_[i]));
                cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[7]);
            }
            set(elements, at_[i], value);
        }
        take("zero");
        set(elements = new bytes(2048), 3, Kzg.MODULUS);
        vm.expectRevert(abi.encodeWithSelector(CellProof.ElementNotInField.selector, 3));
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[7]);
    }

    function test_RefusesOtherProofsAndCommitments() public {
        bytes memory elements = noise(7);
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[8]);
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, new bytes(128));
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, negative(proofs[7]));
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, flipped(proofs[7], 127)); // not on the curve
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, flipped(proofs[7], 0)); // padding
        // (0, 2) is on the curve, and outside the subgroup.
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, abi.encodePacked(new bytes(127), uint8(2)));

        expectMismatch(negative(commitment), 7);
        expectMismatch(flipped(commitment, 63), 7);
        expectMismatch(new bytes(128), 7);
        expectMismatch(vm.parseJsonBytes(json, "$.constant.commitment"), 7);
        vm.expectPartialRevert(CellProof.CommitmentMismatch.selector);
        cells.requireCell{gas: GAS}(bytes32(uint256(hash) ^ 1), 7, elements, commitment, proofs[7]);
        vm.expectPartialRevert(CellProof.CommitmentMismatch.selector);
        cells.requireCell{gas: GAS}(bytes32(uint256(hash) ^ 3 << 248), 7, elements, commitment, proofs[7]);
        // What compresses to the same 48 bytes, but isn't the point.
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, flipped(commitment, 0), proofs[7]);
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, flipped(commitment, 64), proofs[7]);
        expectRejected(7);
        cells.requireCell{gas: GAS}(hash, 7, elements, flipped(commitment, 127), proofs[7]);

        vm.expectRevert(CellProof.CellProofBadLength.selector);
        cells.requireCell{gas: GAS}(hash, 7, elements, bytes.concat(commitment, hex"00"), proofs[7]);
        vm.expectRevert(CellProof.CellProofBadLength.selector);
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, "");
    }

    /// A point that isn't the blob's can't be had in its place: infinity's bytes with a hash of its own.
    function test_VersionedHashes() public view {
        bytes[] memory points = vm.parseJsonBytesArray(json, "$.commitments.points");
        bytes[] memory hashes = vm.parseJsonBytesArray(json, "$.commitments.hashes");
        for (uint256 i = 0; i < points.length; ++i) {
            assertEq(cells.hashOf(points[i]), bytes32(hashes[i]), "hash");
        }
        assertEq(cells.hashOf(commitment), hash, "hash");
    }

    /// Without EIP-2537 the precompiles' addresses are empty accounts, which answer nothing.
    function test_RefusesAnL1WithoutThePrecompiles() public {
        bytes memory elements = noise(7);
        address[3] memory precompiles = [CellProof.G1_MSM, CellProof.G1_ADD, CellProof.PAIRING];
        for (uint256 i = 0; i < 3; ++i) {
            vm.mockCall(precompiles[i], "", "");
            vm.expectRevert(CellProof.Bls12381Missing.selector);
            cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[7]);
            vm.clearMockedCalls();
        }
        cells.requireCell{gas: GAS}(hash, 7, elements, commitment, proofs[7]);
    }

    /// Whatever the gas, nothing wrong is proved.
    function testFuzz_GasStarvation(uint256 gas_) public view {
        bytes memory elements = noise(7);
        set(elements, 0, 0);
        bytes memory call = abi.encodeCall(cells.requireCell, (hash, 7, elements, commitment, proofs[7]));
        (bool ok,) = address(cells).staticcall{gas: gas_ % GAS}(call);
        assertTrue(!ok, "nothing is proved");
    }

    /// The transform against the definition: the polynomial with coefficients a_k takes the values that went in.
    function testFuzz_Interpolation(uint256 from, uint256 at_) public view {
        bytes memory values = new bytes(2048);
        for (uint256 i = 0; i < 64; ++i) {
            set(values, i, uint256(keccak256(abi.encode(from, i))) % Kzg.MODULUS);
        }
        bytes memory a = cells.interpolate(values);
        at_ %= 64;
        uint256 x = Kzg.point(at_); // of the first cell: its coset is the 64th roots of unity themselves
        uint256 sum;
        for (uint256 k = 64; k > 0; --k) {
            sum = addmod(mulmod(sum, x, Kzg.MODULUS), get(a, k - 1), Kzg.MODULUS);
        }
        assertEq(sum, mulmod(64, get(values, at_), Kzg.MODULUS), "64 times the value");
    }

    function expectRejected(uint256 cell) private {
        vm.expectRevert(abi.encodeWithSelector(CellProof.CellProofRejected.selector, hash, cell));
    }

    function expectMismatch(bytes memory other, uint256 cell) private {
        vm.expectRevert(abi.encodeWithSelector(CellProof.CommitmentMismatch.selector, cells.hashOf(other), hash));
        cells.requireCell{gas: GAS}(hash, cell, noise(cell), other, proofs[cell]);
    }

    function flipped(bytes memory point, uint256 i) private pure returns (bytes memory other) {
        other = bytes.concat(point);
        other[i] ^= 0x01;
    }

    /// (x, p - y)
    function negative(bytes memory point) private pure returns (bytes memory) {
        bytes memory p = hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        bytes memory other = bytes.concat(point);
        uint256 borrow;
        for (uint256 i = 48; i > 0; --i) {
            uint256 digit = 256 + uint8(p[i - 1]) - uint8(point[79 + i]) - borrow;
            other[79 + i] = bytes1(uint8(digit));
            borrow = digit < 256 ? 1 : 0;
        }
        return other;
    }
}

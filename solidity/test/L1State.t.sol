// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {L1Proof, L1State} from "../src/lib/L1State.sol";
import {AccountState} from "../src/lib/StateProof.sol";
import {L2World} from "./support/L2World.sol";

contract Reader {
    function slotOf(L1Proof calldata proof, address account, bytes32 slot) external view returns (uint256) {
        return L1State.slotOf(proof, account, slot);
    }

    function accountOf(L1Proof calldata proof, address account) external view returns (AccountState memory) {
        return L1State.accountOf(proof, account);
    }

    function ancestorHash(L1Proof calldata proof, uint256 number) external view returns (bytes32) {
        return L1State.ancestorHash(proof, number);
    }
}

/// Real tries: tests/vectors/make_l1_state.py.
contract L1StateTest is L2World {
    Reader private reader = new Reader();
    string private json;
    address private account;
    L1Proof private given;

    function setUp() public {
        makeL2(address(1), address(2));
        json = vm.readFile("../tests/vectors/l1_state.json");
        account = address(bytes20(vm.parseJsonBytes(json, ".contract")));
        L1Proof memory p;
        p.header = vm.parseJsonBytes(json, ".header");
        p.accountProof = vm.parseJsonBytesArray(json, ".accountProof");
        p.timestamp = l2Block(vm.parseJsonBytes32(json, ".hash"));
        given = p;
    }

    function slot(uint256 i) private view returns (bytes32 place, uint256 value, bytes[] memory proof) {
        string memory key = string.concat(".slots[", vm.toString(i), "]");
        place = vm.parseJsonBytes32(json, string.concat(key, ".slot"));
        value = uint256(vm.parseJsonBytes32(json, string.concat(key, ".value")));
        proof = vm.parseJsonBytesArray(json, string.concat(key, ".proof"));
    }

    function test_Slots() public {
        L1Proof memory p = given;
        for (uint256 i = 0; i < 6; ++i) {
            (bytes32 place, uint256 value, bytes[] memory proof) = slot(i);
            p.storageProof = proof;
            assertEq(reader.slotOf(p, account, place), value, "value");
            (bytes32 other,,) = slot((i + 1) % 6);
            vm.expectRevert();
            reader.slotOf(p, account, other);
            vm.expectRevert();
            reader.slotOf(p, address(0xbad), place);
        }
    }

    /// Each byte of each node and of the header counts.
    function testFuzz_NothingTampered(uint256 seed) public {
        L1Proof memory p = given;
        (bytes32 place,, bytes[] memory proof) = slot(seed % 6);
        p.storageProof = proof;
        uint256 which = seed / 6 % (1 + p.accountProof.length + proof.length);
        bytes memory target = which == 0
            ? p.header
            : which <= p.accountProof.length ? p.accountProof[which - 1] : proof[which - 1 - p.accountProof.length];
        uint256 place_ = seed / 1000 % target.length;
        target[place_] = bytes1(uint8(target[place_]) ^ uint8(1 << (seed % 8)));
        vm.expectRevert();
        reader.slotOf(p, account, place);
    }

    function test_Account() public view {
        AccountState memory found = reader.accountOf(given, account);
        assertEq(found.nonce, 7, "nonce");
        assertEq(found.balance, 1 ether + 1, "balance");
        assertEq(found.codeHash, vm.parseJsonBytes32(json, ".codeHash"), "code");
    }

    function test_AbsenceIsNoProof() public {
        L1Proof memory p = given;
        p.storageProof = vm.parseJsonBytesArray(json, ".absentSlot.proof");
        vm.expectRevert();
        reader.slotOf(p, account, vm.parseJsonBytes32(json, ".absentSlot.slot"));
        p.accountProof = vm.parseJsonBytesArray(json, ".absentAccountProof");
        vm.expectRevert();
        reader.accountOf(p, 0x7777777777777777777777777777777777777777);
    }

    function test_TimesThatAreNoBlocks() public {
        L1Proof memory p = given;
        uint64[4] memory times = [uint64(0), p.timestamp - 1, p.timestamp + 1, p.timestamp + 8191];
        for (uint256 i = 0; i < times.length; ++i) {
            p.timestamp = times[i];
            vm.expectRevert(abi.encodeWithSelector(L1State.NoL2BlockAt.selector, times[i]));
            reader.accountOf(p, account);
        }
        p.timestamp = l2Block(0); // one without an origin
        vm.expectRevert(abi.encodeWithSelector(L1State.NoL2BlockAt.selector, p.timestamp));
        reader.accountOf(p, account);
    }

    function test_HeadersOfOtherBlocks() public {
        L1Proof memory p = given;
        bytes32 hash = vm.parseJsonBytes32(json, ".hash");
        p.header = l1Header(keccak256("another state"));
        vm.expectRevert(abi.encodeWithSelector(L1State.NotTheOrigin.selector, keccak256(p.header), hash));
        reader.accountOf(p, account);
    }

    /// One in between, the oldest and the parent. Each slot is a block's of this round, and not of the next or the last one.
    function test_Ancestors() public {
        L1Proof memory p = given;
        p.accountProof = vm.parseJsonBytesArray(json, ".history");
        for (uint256 i = 0; i < 3; ++i) {
            string memory key = string.concat(".ancestors[", vm.toString(i), "]");
            uint256 number = vm.parseJsonUint(json, string.concat(key, ".number"));
            p.storageProof = vm.parseJsonBytesArray(json, string.concat(key, ".proof"));
            assertEq(reader.ancestorHash(p, number), vm.parseJsonBytes32(json, string.concat(key, ".hash")), "hash");
            vm.expectRevert(abi.encodeWithSelector(L1State.NotInHistory.selector, number + 8191, 20_000));
            reader.ancestorHash(p, number + 8191);
            vm.expectRevert(abi.encodeWithSelector(L1State.NotInHistory.selector, number - 8191, 20_000));
            reader.ancestorHash(p, number - 8191);
        }
    }
}

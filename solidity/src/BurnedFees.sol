// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Assertion, AssertionStatus, IRollup} from "./IRollup.sol";

/// docs/protocol.md section 9: what L2's base fees burned is paid on L1, out of the escrow, to an address fixed for good.
///
/// A block burns baseFeePerGas * gasUsed (EIP-1559); its header says both, and a confirmed assertion's block hash stands
/// for all headers before it. They are walked from there backwards to the last block that was credited.
abstract contract BurnedFees is ReentrancyGuardTransient {
    event BurnedFeesCredited(
        bytes32 indexed assertionId, address indexed to, uint64 firstBlock, uint64 lastBlock, uint256 burned, uint256 paid
    );

    error BurnedFeesOff();
    error NotConfirmed(bytes32 assertionId, AssertionStatus status);
    error WrongHeader(uint256 place, bytes32 given, bytes32 expected);
    error CreditedBefore(uint256 blockNumber, uint64 creditedNumber);
    error HeaderTooMany(uint256 place);
    error NoHeaders();

    /// From an assertion's last block backwards. Nothing is paid before it reaches what was credited.
    struct Walk {
        bytes32 next; // hash of the header that comes next
        uint64 reached; // number of the lowest block walked; zero: not begun
        uint64 last; // number of the assertion's last block
        uint256 burned; // wei of L2, by the blocks walked
    }

    /// Whose assertions count.
    IRollup public immutable rollup;
    /// Who is paid; zero: nobody, burned fees stay in the escrow for ever.
    address public immutable burnedFeesTo;

    bytes32 private _creditedHash; // of the last L2 block credited
    uint64 private _creditedNumber;
    uint256 private _remainder; // wei of L2, credited and less than a unit of the gas token
    mapping(bytes32 assertionId => Walk) private _walks;

    constructor(IRollup rollup_, address to) {
        (rollup, burnedFeesTo) = (rollup_, to);
        _creditedHash = rollup_.assertion(0).blockHash; // L2's genesis block, number 0
    }

    /// Goes on with the walk from a confirmed assertion's last block, and when it arrives at the last block that was
    /// credited, pays what all blocks between burned. Anyone may call. A payment that fails undoes the call, no more: it can
    /// be made at any time.
    /// @param headers RLP, newest first; the first call's begin with the assertion's last block
    function creditBurned(bytes32 assertionId, bytes[] calldata headers) external nonReentrant {
        if (burnedFeesTo == address(0)) revert BurnedFeesOff();
        Assertion memory a = rollup.assertion(assertionId);
        if (a.status != AssertionStatus.Confirmed) revert NotConfirmed(assertionId, a.status);
        (bytes32 credited, uint64 creditedNumber) = (_creditedHash, _creditedNumber);

        Walk memory walk = _walks[assertionId];
        // One that somebody else's credit has overtaken would count blocks twice: it begins anew.
        if (walk.reached <= creditedNumber) {
            if (headers.length == 0) revert NoHeaders();
            walk = Walk(a.blockHash, 0, 0, 0);
        }
        for (uint256 i = 0; i < headers.length; ++i) {
            if (walk.next == credited && walk.reached != 0) revert HeaderTooMany(i);
            _walkOver(walk, i, headers[i], creditedNumber);
        }
        if (walk.next != credited) {
            _walks[assertionId] = walk;
            return;
        }
        delete _walks[assertionId];
        (_creditedHash, _creditedNumber) = (a.blockHash, walk.last);
        _pay(assertionId, walk, creditedNumber + 1);
    }

    /// The last L2 block whose burned fees were credited.
    function burnedFeesCredited() external view returns (bytes32 blockHash, uint64 blockNumber) {
        return (_creditedHash, _creditedNumber);
    }

    /// Where a walk that takes several calls stands; `next` is the hash of the header that the next call begins with. Zero
    /// if none is under way.
    function burnedFeesWalk(bytes32 assertionId) external view returns (bytes32 next, uint64 reached, uint256 burned) {
        Walk storage walk = _walks[assertionId];
        if (walk.reached > _creditedNumber) return (walk.next, walk.reached, walk.burned);
    }

    /// Takes a multiple of `_burnedFeesUnit()` wei of L2 out of the escrow and pays it. Reverts if it can't.
    function _payBurned(address to, uint256 wei_) internal virtual;

    /// Wei of L2 that the smallest unit of the gas token stands for.
    function _burnedFeesUnit() internal view virtual returns (uint256);

    /// Adds one block to the walk. The memory it takes is given back.
    function _walkOver(Walk memory walk, uint256 place, bytes calldata header, uint64 creditedNumber) private pure {
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        bytes memory rlp = header;
        bytes32 hash = keccak256(rlp);
        if (hash != walk.next) revert WrongHeader(place, hash, walk.next);
        Memory.Slice[] memory fields = BlockHeader.parseHeader(rlp);
        uint256 number = BlockHeader.getNumber(fields);
        // Both are blocks of the one confirmed chain: those up to the credited one have been counted.
        if (number <= creditedNumber) revert CreditedBefore(number, creditedNumber);
        walk.reached = uint64(number);
        if (walk.last == 0) walk.last = uint64(number);
        walk.burned += BlockHeader.getBaseFeePerGas(fields) * BlockHeader.getGasUsed(fields);
        walk.next = BlockHeader.getParentHash(fields);
        Memory.unsafeSetFreeMemoryPointer(free);
    }

    function _pay(bytes32 assertionId, Walk memory walk, uint64 firstBlock) private {
        uint256 owed = walk.burned + _remainder;
        uint256 rest = owed % _burnedFeesUnit();
        if (rest != _remainder) _remainder = rest;
        emit BurnedFeesCredited(assertionId, burnedFeesTo, firstBlock, walk.last, walk.burned, owed - rest);
        if (owed != rest) _payBurned(burnedFeesTo, owed - rest);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {BlockAttributes, Chain, Claim, Input, StepState, Withdrawal} from "../Types.sol";
import {Execute} from "../lib/Execute.sol";
import {Inputs} from "../lib/Inputs.sol";

/// A based, native rollup in a few lines: anyone appends a block, L1 decides the order, and EXECUTE judges it at once.
/// No sequencer, no owner, no fraud proofs, no window: `stateRoot` is true, always.
///
/// Ether comes in by `deposit` and is there in a block soon after. A way out, and pay for whoever appends beyond the
/// tips, are left to the real thing; `src/Rollup.sol` is one that does not execute on L1 what nobody disputes.
contract BasedNativeRollup {
    error NotAfterHead();
    error UnknownAnchor(uint64 anchor);
    error WrongTime(uint64 timestamp);
    error NotWholeGwei(uint256 value);

    event Deposited(address indexed recipient, uint64 amountGwei);
    event Advanced(bytes32 indexed blockHash, bytes32 stateRoot);

    uint64 public immutable chainId;
    bytes32 public head; // keccak256(abi.encode(StepState)) after the last block
    bytes32 public stateRoot; // of the last block
    uint256 public taken; // how many of the deposits are on L2
    Withdrawal[] public deposits; // EIP-4895; the validator index is the L1 block of the deposit

    constructor(uint64 chainId_, StepState memory genesis) {
        (chainId, head, stateRoot) = (chainId_, keccak256(abi.encode(genesis)), genesis.stateRoot);
    }

    /// Sends ether to `recipient` on L2.
    function deposit(address recipient) external payable {
        uint64 amountGwei = uint64(msg.value / 1 gwei);
        if (msg.value == 0 || msg.value != amountGwei * 1 gwei) revert NotWholeGwei(msg.value);
        deposits.push(Withdrawal(uint64(deposits.length), uint64(block.number), recipient, amountGwei));
        emit Deposited(recipient, amountGwei);
    }

    /// Appends a block of `transactions`, of which invalid ones do nothing. Payable with EXECUTE's fee; the rest comes
    /// back. Its L2 fees go to the caller.
    /// @param anchor one of the last 256 L1 blocks: L2 sees its hash, and gets the deposits up to it
    /// @param timestamp of the block: after its parent's and less than an hour ago
    /// @param claim from the last block's state to this one's
    function advance(uint64 anchor, uint64 timestamp, bytes[] calldata transactions, Claim calldata claim)
        external
        payable
    {
        if (keccak256(abi.encode(claim.pre)) != head) revert NotAfterHead();
        Input[] memory inputs = Inputs.wholeBlock(_attributes(anchor, timestamp), transactions);
        uint256 fee = Execute.proveSteps(Chain(chainId, "prague", 1 << 24), inputs, claim, msg.value);
        (head, stateRoot) = (keccak256(abi.encode(claim.post)), claim.post.stateRoot);
        emit Advanced(claim.post.blockHash, claim.post.stateRoot);
        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// What a block's maker can choose only within bounds, and the deposits, each of them once.
    function _attributes(uint64 anchor, uint64 timestamp) private returns (BlockAttributes memory a) {
        bytes32 l1Hash = blockhash(anchor);
        if (l1Hash == 0) revert UnknownAnchor(anchor);
        if (timestamp > block.timestamp || timestamp + 1 hours <= block.timestamp) revert WrongTime(timestamp);
        (a.timestamp, a.feeRecipient, a.gasLimit) = (timestamp, msg.sender, 30_000_000);
        a.prevRandao = a.parentBeaconBlockRoot = l1Hash;
        uint256 end = taken;
        while (end < deposits.length && end < taken + 16 && deposits[end].validatorIndex <= anchor) ++end;
        a.withdrawals = new Withdrawal[](end - taken);
        for (uint256 i = 0; taken < end; ++i) {
            a.withdrawals[i] = deposits[taken++];
        }
    }
}

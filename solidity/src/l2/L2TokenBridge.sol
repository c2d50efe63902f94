// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ITokenBridge} from "../ITokenBridge.sol";
import {BridgedToken} from "./BridgedToken.sol";
import {IL2TokenBridge} from "./IL2TokenBridge.sol";
import {IMessenger} from "./IMessenger.sol";
import {MessagePasser} from "./MessagePasser.sol";
import {Predeploys} from "./Predeploys.sol";

/// See IL2TokenBridge.sol. It has no constructor: it is part of the genesis.
contract L2TokenBridge is IL2TokenBridge {
    error NotFromL1Bridge(address caller);
    error UnknownToken(address l1Token);
    error ZeroAmount();
    error ZeroRecipient();

    /// @inheritdoc IL2TokenBridge
    address public l1Bridge; // slot 0: set in the genesis, and never again

    /// @inheritdoc IL2TokenBridge
    function mint(
        address l1Token,
        address to,
        uint256 amount,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) external {
        if (msg.sender != Predeploys.MESSENGER || IMessenger(Predeploys.MESSENGER).l1Sender() != l1Bridge) {
            revert NotFromL1Bridge(msg.sender);
        }
        BridgedToken token = BridgedToken(bridgedToken(l1Token));
        if (address(token).code.length == 0) {
            token = new BridgedToken{salt: 0}(l1Token);
            token.describe(name, symbol, decimals);
            emit TokenMade(l1Token, address(token));
        }
        token.mint(to, amount);
        emit Minted(l1Token, to, amount);
    }

    /// @inheritdoc IL2TokenBridge
    function withdraw(address l1Token, address to, uint256 amount) external returns (bytes32 hash) {
        if (amount == 0) revert ZeroAmount();
        if (to == address(0)) revert ZeroRecipient();
        BridgedToken token = BridgedToken(bridgedToken(l1Token));
        if (address(token).code.length == 0) revert UnknownToken(l1Token);
        token.burn(msg.sender, amount);
        hash = MessagePasser(payable(Predeploys.MESSAGE_PASSER)).initiateWithdrawal(
            l1Bridge, abi.encodeCall(ITokenBridge.release, (l1Token, to, amount))
        );
        emit Withdrawn(l1Token, msg.sender, to, amount, hash);
    }

    /// @inheritdoc IL2TokenBridge
    function bridgedToken(address l1Token) public view returns (address) {
        return Create2.computeAddress(0, keccak256(abi.encodePacked(type(BridgedToken).creationCode, abi.encode(l1Token))));
    }
}

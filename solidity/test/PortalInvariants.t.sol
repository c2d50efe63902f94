// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Portal} from "../src/Portal.sol";
import {PortalHandler} from "./support/PortalHandler.sol";
import {Test} from "./support/Test.sol";

/// Money under random use: deposits, messages, withdrawals proven and finalized in any order, recipients of any mood, lies,
/// ETH forced in, burned fees credited, batches posted.
abstract contract PortalInvariants is Test {
    PortalHandler internal handler;
    Portal internal portal;
    address internal inbox;

    function start(PortalHandler handler_) internal {
        handler = handler_;
        (address portal_, address inbox_) = handler.what();
        (portal, inbox) = (Portal(portal_), inbox_);
    }

    function targetContracts() public view returns (address[] memory only) {
        only = new address[](1);
        only[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory only) {
        only = new FuzzSelector[](1);
        bytes4[9] memory actions = [
            PortalHandler.deposit.selector,
            PortalHandler.send.selector,
            PortalHandler.withdraw.selector,
            PortalHandler.proveOne.selector,
            PortalHandler.finalize.selector,
            PortalHandler.mood.selector,
            PortalHandler.forceIn.selector,
            PortalHandler.post.selector,
            PortalHandler.creditBurned.selector
        ];
        only[0].addr = address(handler);
        only[0].selectors = new bytes4[](9);
        for (uint256 i = 0; i < 9; ++i) {
            only[0].selectors[i] = actions[i];
        }
    }

    function requireConserved() internal view {
        assertEq(
            portal.escrowed(),
            handler.deposited() + handler.messaged() - handler.paid() - handler.burnedPaid(),
            "what came in, less what went out"
        );
        address holder = portal.gasToken() == address(0) ? address(portal) : portal.vault();
        uint256 unit = portal.gasTokenUnit();
        assertEq(handler.money(holder), portal.escrowed() + handler.forcedIn() * unit, "all of it is there, and no more");
        assertEq(inbox.balance, 0, "none in the Inbox");
        for (uint256 i = 0; i < handler.withdrawalCount(); ++i) {
            assertTrue(handler.payments(i) <= 1, "at most once");
        }
    }
}

/// forge-config: default.invariant.runs = 24
/// forge-config: default.invariant.depth = 64
/// forge-config: default.invariant.fail-on-revert = true
contract EthInvariantsTest is PortalInvariants {
    function setUp() public {
        start(PortalHandler(payable(deploy("PortalHandler", abi.encode(18, true)))));
    }

    function invariant_Conserved() public view {
        requireConserved();
    }

    function afterInvariant() public {
        handler.finish();
        requireConserved();
    }
}

/// forge-config: default.invariant.runs = 24
/// forge-config: default.invariant.depth = 64
/// forge-config: default.invariant.fail-on-revert = true
contract TokenInvariantsTest is PortalInvariants {
    function setUp() public {
        start(PortalHandler(payable(deploy("PortalHandler", abi.encode(6, false)))));
    }

    function invariant_Conserved() public view {
        requireConserved();
    }

    function afterInvariant() public {
        handler.finish();
        requireConserved();
    }
}

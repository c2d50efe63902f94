// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "solady/tokens/ERC20.sol";

/// As most tokens are. Permit2 may move everybody's, as solady's default is.
contract PlainToken is ERC20 {
    uint8 private immutable _decimals;

    constructor(uint8 decimals_) {
        _decimals = decimals_;
    }

    function name() public pure override returns (string memory) {
        return "Plain";
    }

    function symbol() public pure override returns (string memory) {
        return "PLAIN";
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// Whatever a token may do: its fees change, it may be slow to say no, and it calls who is moving money.
contract StrangeToken is PlainToken(18) {
    uint256 public inFee; // of what is transferred, not arriving
    uint256 public outFee; // taken from the sender on top
    bool public lies; // transfers answer false and do nothing
    address private hook;
    bytes private hookCall;
    bool public hooked;
    bytes public answer;

    function charge(uint256 inFee_, uint256 outFee_) external {
        (inFee, outFee) = (inFee_, outFee_);
    }

    function lie() external {
        lies = true;
    }

    function setHook(address to, bytes calldata call) external {
        (hook, hookCall) = (to, call);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !lies && _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (lies) return false;
        _spendAllowance(from, msg.sender, amount);
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        if (hook != address(0)) {
            address once = hook;
            hook = address(0);
            (hooked, answer) = once.call(hookCall);
        }
        _transfer(from, to, amount);
        _burn(to, inFee);
        _burn(from, outFee);
        return true;
    }
}

/// As USDT: transfers return nothing.
contract SilentToken {
    uint8 public constant decimals = 6;
    mapping(address who => uint256) public balanceOf;
    mapping(address who => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// The part of Permit2 that matters: a holder's word lets others move what the holder's token lets Permit2 move.
contract Permit2Like {
    mapping(address owner => mapping(address token => mapping(address spender => uint160))) private allowed;

    function approve(address token, address spender, uint160 amount, uint48) external {
        allowed[msg.sender][token][spender] = amount;
    }

    function transferFrom(address from, address to, uint160 amount, address token) external {
        allowed[from][token][msg.sender] -= amount;
        ERC20(token).transferFrom(from, to, amount);
    }
}

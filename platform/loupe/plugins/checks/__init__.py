"""System checks of every installed app's declaration; their ids carry the contract's numbers.

``loupe.E004`` is about C4 of docs/app_contract.md. What cannot be seen without running the app
(C11, C12, C15 and later) is the conformance suite's.
"""

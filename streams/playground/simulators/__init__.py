"""Simulated SNMP devices whose true rates are known exactly, for the demo and the tests.

They share no code with the poller (not even BER), so that one misreading cannot hide in both.
"""

"""The measurements behind the claims, one function each: figures in, no verdicts.

A run takes nothing, returns an Outcome with the figures that its claim lists, and takes at most
20 s on 2 cores. What it draws at random, it draws with a seed of its own.
"""

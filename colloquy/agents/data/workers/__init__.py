"""The second wall: queries run in processes with hard limits, which can be killed."""

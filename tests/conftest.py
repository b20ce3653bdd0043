from hypothesis import Phase, settings

# A mutant is to be noticed, not explained: the same examples each time, and no search for a smaller one.
settings.register_profile("mutate", phases=[Phase.explicit, Phase.generate], derandomize=True, database=None)

"""The steps of a message's journey, one file a step; steps do not import each other."""

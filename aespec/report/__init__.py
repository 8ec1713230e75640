"""A page that tells what a run was and what it learnt: one HTML file that needs nothing beside it, and no network.

`page` is the frame and the style of any such page, and `codemap` a map of codes that shows the sample under the
pointer. `report` gathers what a run has; its `sections` are made of `charts`, a `diagram` and `samples`. The templates,
the styles and the scripts are the files beside the modules.
"""

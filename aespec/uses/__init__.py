"""What a trained model is for: features, pretraining, maps, generation, anomalies. A module for each use.

They take a model and arrays (see `aespec.backend.Model`) and give arrays and small records; what they find is drawn by
`aespec.picture` and the modules beside it, and told by the commands in `aespec.cli`.
"""

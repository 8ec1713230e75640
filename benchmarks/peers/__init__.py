"""What aespec is measured against: its zoo written by hand, and other packages' autoencoders.

`in_keras` and `in_torch` hold the models of the zoo as a user of the framework writes them after its own guides, with
stock layers, the stock training loop and the losses that the guides take. Nothing in them comes from aespec. The
`with_*.py` beside them are programs that train one dense autoencoder with a package each.
"""

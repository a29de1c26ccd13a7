"""Reading of Keras models: configurations, HDF5 files and archives."""

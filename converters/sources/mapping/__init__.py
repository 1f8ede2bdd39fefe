"""The mapping language: where in a bespoke config the workload's fields stand."""

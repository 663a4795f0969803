"""Parts that several nodes share: lifecycle, parameters, QoS, conversions."""

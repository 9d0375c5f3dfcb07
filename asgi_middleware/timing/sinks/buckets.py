"""The upper bounds of the histograms, in seconds."""

# What OpenTelemetry's conventions advise for http.server.request.duration.
REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# From a second to a day.
CONNECTIONS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

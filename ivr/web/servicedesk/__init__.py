"""The service desk: whoever stands there has her case registered, and takes its code away on paper."""

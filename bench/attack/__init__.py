"""Bad peers on every port beside people who call."""

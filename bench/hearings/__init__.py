"""A model of meetings: chance plays office, bodies, telephone and citizens on a real database."""

"""Recordings of every packetisation on a line that is well: nobody called cut, turned away, asked again."""

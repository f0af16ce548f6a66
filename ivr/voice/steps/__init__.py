"""One file for each type of steps: its data, its reader, what it does, its seconds, its ways on, an example.

`registry` names them. They share `ivr.voice.menu` (what each must be able to tell), `ivr.voice.talk` (to ask
and to keep words) and `ivr.voice.step_fields` (to read).
"""

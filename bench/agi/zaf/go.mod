module bench/zaf

go 1.19

require github.com/zaf/agi v1.3.0

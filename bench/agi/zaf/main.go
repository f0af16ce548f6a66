// The peer in Go: serves what the others serve with github.com/zaf/agi. Usage: zaf PORT SCRIPT
package main

import (
	"bufio"
	"log"
	"net"
	"os"
	"strings"

	"github.com/zaf/agi"
)

// One call: the lines of the script as they are, each after the reply to the one before.
func answer(peer net.Conn, lines []string) {
	defer peer.Close()
	call := agi.New()
	if call.Init(bufio.NewReadWriter(bufio.NewReader(peer), bufio.NewWriter(peer))) != nil {
		return // a probe that opens no whole call
	}
	for _, line := range lines {
		if _, err := call.RawCommand(line); err != nil {
			return // the generator counts a call that ends early as failed
		}
	}
}

func main() {
	script, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(script), "\n"), "\n")
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		peer, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go answer(peer, lines)
	}
}

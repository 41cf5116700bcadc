package ingress

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// connections is a listener that has a bounded number of connections open. golang.org/x/net/netutil would do that too,
// but it lets whoever holds connections and says nothing keep everybody else out. Here, at the bound, the one that has
// been silent longest gives way to the new one: first of those on which there never was a request, which is where
// slow headers are as well, and only then of those that wait for their next one. Where a request is under way on every
// one, new connections wait in the kernel's queue.
type connections struct {
	net.Listener
	most int

	mu     sync.Mutex
	room   *sync.Cond
	open   map[net.Conn]*connection
	fresh  list.List
	idle   list.List
	closed bool
}

// connection is where a connection stands among the silent ones; nowhere while a request is under way.
type connection struct {
	in    *list.List
	place *list.Element
}

func limitConnections(listener net.Listener, most int) *connections {
	c := &connections{Listener: listener, most: most, open: map[net.Conn]*connection{}}
	c.room = sync.NewCond(&c.mu)
	return c
}

// Accept returns the next connection, once there is room for it.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.closed && len(c.open) >= c.most && !c.evict() {
		c.room.Wait()
	}
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	added := &connection{}
	c.open[conn] = added
	added.move(conn, &c.fresh)
	return conn, nil
}

// Close ends a wait for room as well.
func (c *connections) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.room.Broadcast()
	return c.Listener.Close()
}

// evict closes the connection that has been silent longest. It returns false where none is silent.
func (c *connections) evict() bool {
	for _, silent := range []*list.List{&c.fresh, &c.idle} {
		if oldest := silent.Front(); oldest != nil {
			conn := oldest.Value.(net.Conn)
			c.forget(conn)
			_ = conn.Close()
			return true
		}
	}
	return false
}

// follow is told by a server what becomes of a connection.
func (c *connections) follow(conn net.Conn, state http.ConnState) {
	// Over TLS the server has a connection around the one that was accepted.
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.open[conn]
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		known.move(conn, nil)
	case http.StateIdle:
		known.move(conn, &c.idle)
		c.room.Signal()
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
		c.room.Signal()
	case http.StateNew:
	}
}

func (c *connections) forget(conn net.Conn) {
	c.open[conn].move(conn, nil)
	delete(c.open, conn)
}

// move puts a connection behind the others of a list, or into none.
func (k *connection) move(conn net.Conn, to *list.List) {
	if k.in != nil {
		k.in.Remove(k.place)
	}
	k.in, k.place = to, nil
	if to != nil {
		k.place = to.PushBack(conn)
	}
}

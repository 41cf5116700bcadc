package apply

import "testing"

func TestASlabGivesEachResourceARoomOfItsOwn(t *testing.T) {
	var s slab
	taken := map[handle]bool{}
	take := func(n int) {
		for range n {
			h := s.take()
			if h == 0 || taken[h] {
				t.Fatalf("room %d was given twice", h)
			}
			if *s.at(h) != (resource{}) {
				t.Fatalf("room %d was not empty: %+v", h, *s.at(h))
			}
			s.at(h).number = uint64(h)
			taken[h] = true
		}
	}
	take(5 * chunk)
	for h := range taken {
		if h%3 != 0 {
			s.give(h)
			delete(taken, h)
		}
	}
	take(6 * chunk)
	for h := range taken {
		if s.at(h).number != uint64(h) {
			t.Fatalf("room %d holds %d", h, s.at(h).number)
		}
		s.give(h)
		delete(taken, h)
	}
	if len(s.chunks) != 1 || cap(s.chunks) != 1 {
		t.Errorf("an empty slab keeps %d pieces", cap(s.chunks))
	}
	take(2 * chunk)
}

package pebble
import ("testing";"os";"strings";"time";"tagma/event";"runtime";"context")
func rss() string { b,_:=os.ReadFile("/proc/self/status"); for _,l:=range strings.Split(string(b),"\n"){ if strings.HasPrefix(l,"VmRSS"){return l}}; return ""}
func TestZZ(t *testing.T){
 st:=time.Now(); s:=mustOpen(t,t.TempDir()); t.Log("create",time.Since(st), rss()); d:=s.dir; s.Close()
 st=time.Now(); s=mustOpen(t,d); t.Log("open",time.Since(st), rss())
 shop:=newBenchShop(); l,_:=s.StartLoad("x"); var e event.Event
 for i:=range benchEvents { shop.event(&e,i,benchEvents); l.Event(&e) }
 t.Log("bytes/event staged", float64(l.Bytes())/benchEvents)
 runtime.GC(); t.Log("before finish", rss())
 st=time.Now(); if err:=l.Finish(context.Background()); err!=nil {t.Fatal(err)}; t.Log("finish",time.Since(st), rss())
 st=time.Now(); if err:=s.Ingest(context.Background(),"x",5); err!=nil {t.Fatal(err)}; t.Log("ingest",time.Since(st))
 s.Close(); st=time.Now(); s=mustOpen(t,d); t.Log("open 2M",time.Since(st)); s.Close()
}

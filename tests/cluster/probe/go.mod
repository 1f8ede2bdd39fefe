module cluster.lab/probe

go 1.24

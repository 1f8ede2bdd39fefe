module cluster.lab/traffic

go 1.24
